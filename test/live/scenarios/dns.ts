/** Records at a provider whose package is missing at first. The provider is played: it says of each record that it is made. */
import { expect, it } from 'vitest';
import { conditionOf, isTrue, textAt } from '../../../functions/kernel/manifest.ts';
import { referenceOf, type Kube } from '../kube.ts';
import { installConfiguration, untilInstalled } from '../packages.ts';
import { eventually, repeat } from '../processes.ts';
import { apply, composed, isReadyClaim, smallCluster, tenant, until, type Scenario } from '../scenario.ts';

const cluster = smallCluster('acme-cloudy', 'cloudy', {
  dns: {
    provider: 'cloudflare',
    zone: 'example.com',
    zoneId: '023e105f4ecef8ad9ca31a8372d0c353',
    secretRef: { name: 'dns' },
  },
  certificates: { email: 'ops@example.com', solver: 'dns01' },
});
export const cloudy = referenceOf(cluster);
const RECORD = ['dns.upjet-cloudflare.upbound.io/v1alpha1', 'Record'] as const;

export const dnsPackage: Scenario = (given) => {
  it('is built but for its records while their package is missing, and names it', async () => {
    const live = given();
    await tenant(live, 'acme-cloudy');
    await apply(live, cluster);
    const told = await until(
      live,
      cloudy,
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
      await until(live, cloudy, 'it to be ready', 300, isReadyClaim);
      const records = (await composed(live, cloudy.name)).filter(({ kind }) => kind === 'Record');

      expect(records.map((one) => textAt(one, 'spec', 'forProvider', 'name'))).toContain(
        'api.fsn.cloudy.example.com',
      );
    } finally {
      await playing.stop();
    }
  });
};

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
