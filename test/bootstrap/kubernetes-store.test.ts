import { KubeConfig } from '@kubernetes/client-node';
import { expect, it } from 'vitest';
import type { Result } from '../../functions/bootstrap/contract.ts';
import { KubernetesStore } from '../../functions/bootstrap/kubernetes-store.ts';

/** Nobody answers there. */
function nowhere(): KubeConfig {
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    { name: 'one', server: 'http://127.0.0.1:9', skipTLSVerify: false },
    { name: 'one' },
  );
  return config;
}

const DONE: Result = {
  version: 1,
  operation: 'uninstall',
  phase: 'Succeeded',
  step: 'done',
  since: '2026-11-21T00:00:00.000Z',
};

it('A result that nobody looks at is not written, and no API server is asked', async () => {
  await expect(new KubernetesStore(nowhere(), undefined).writeResult(DONE)).resolves.toBeUndefined();
  const ref = { namespace: 'openova-system', name: 'acme-result' };
  await expect(new KubernetesStore(nowhere(), ref).writeResult(DONE)).rejects.toThrow(
    'cannot write ConfigMap "openova-system/acme-result"',
  );
});
