/** Records at a provider whose package is missing at first. The provider is played: it says of each record that it is made. */
import { expect, it } from 'vitest';
import { conditionOf, isTrue, textAt } from '../../../functions/kernel/manifest.ts';
import { referenceOf, type Kube, type Reference } from '../kube.ts';
import { installConfiguration, untilInstalled } from '../packages.ts';
import { eventually, repeat } from '../processes.ts';
import type { JsonObject } from '../../../functions/kernel/manifest.ts';
import { composed, isReadyClaim, until, type Scenario } from '../scenario.ts';

/** What a cluster says to have its records there. */
export const atCloudflare: JsonObject = {
  dns: {
    provider: 'cloudflare',
    zone: 'example.com',
    zoneId: '023e105f4ecef8ad9ca31a8372d0c353',
    secretRef: { name: 'dns' },
  },
  certificates: { email: 'ops@example.com', solver: 'dns01' },
};
const RECORD = ['dns.upjet-cloudflare.upbound.io/v1alpha1', 'Record'] as const;

/** @param claim is being made, with records at Cloudflare. */
export function dnsPackage(claim: Reference): Scenario {
  return (given) => {
    it('is built but for its records while their package is missing, and names it', async () => {
      const live = given();
      const told = await until(
        live,
        claim,
        'everything but records',
        600,
        (one) => isTrue(one, 'PlatformReady') && !isTrue(one, 'PackagesInstalled'),
      );

      expect(textAt(conditionOf(told, 'PackagesInstalled'), 'message')).toContain('openova-dns-cloudflare');
      expect(isTrue(told, 'Ready')).toBe(false);
    });

    it('makes them once the package is installed', async () => {
      const live = given();
      await installConfiguration(live.kube, 'openova-dns-cloudflare');
      await untilInstalled(live.kube, 'openova-dns-cloudflare');
      // Its kinds are served a moment after the package says that it is healthy.
      await eventually('a ProviderConfig', 60, () =>
        live.kube.apply({
          apiVersion: 'upjet-cloudflare.upbound.io/v1beta1',
          kind: 'ProviderConfig',
          metadata: { name: 'default' },
          spec: { credentials: { source: 'None' } },
        }),
      );
      const playing = repeat(() => playRecords(live.kube));
      try {
        await until(live, claim, 'it to be ready', 300, isReadyClaim);
        const records = (await composed(live, claim)).filter(({ kind }) => kind === 'Record');

        expect(records.map((one) => textAt(one, 'spec', 'forProvider', 'name'))).toContain(
          `api.fsn.${claim.name}.example.com`,
        );
      } finally {
        await playing.stop();
      }
    });
  };
}

async function playRecords(kube: Kube): Promise<void> {
  for (const record of await kube.list(...RECORD)) {
    if (isTrue(record, 'Ready')) continue;
    const lastTransitionTime = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
    const conditions = ['Ready', 'Synced'].map((type) => ({
      type,
      status: 'True',
      reason: type === 'Ready' ? 'Available' : 'ReconcileSuccess',
      lastTransitionTime,
    }));
    await kube.patch(referenceOf(record), { status: { conditions } }, 'status');
  }
}
