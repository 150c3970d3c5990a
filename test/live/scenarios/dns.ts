/** Records at one provider after the other, each of which lacks its package at first. What those providers do is played. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { RECORDS } from '../../../functions/dns/records.ts';
import {
  conditionOf,
  isTrue,
  textAt,
  type JsonObject,
  type Manifest,
} from '../../../functions/kernel/manifest.ts';
import { EXTERNAL_NAME_ANNOTATION, KEY_ANNOTATION } from '../../../functions/kernel/names.ts';
import type { PackageUse } from '../../../functions/providers/packages.ts';
import { readManifests, type Reference } from '../kube.ts';
import type { Live } from '../live.ts';
import { installConfiguration, untilInstalled } from '../packages.ts';
import { eventually } from '../processes.ts';
import { PLAYED } from '../records.ts';
import { atCloud, composed, edit, inLine, isReadyClaim, nameOf, until, type Scenario } from '../scenario.ts';

/** How a claim says which zone it is, at each provider that needs a package: in turn, the first of them at the beginning. */
const ZONES: Readonly<Record<Exclude<PackageUse, 'base'>, JsonObject>> = {
  cloudflare: { zoneId: '023e105f4ecef8ad9ca31a8372d0c353' },
  route53: { zoneId: 'Z0123456789ABCDEFGHIJ' },
  clouddns: { zoneId: 'example-com', project: 'acme-prod' },
  azure: {
    resourceGroup: 'dns',
    servicePrincipal: {
      tenantId: '00000000-0000-4000-8000-000000000001',
      subscriptionId: '00000000-0000-4000-8000-000000000002',
      clientId: '00000000-0000-4000-8000-000000000003',
    },
  },
};
const providers = Object.keys(ZONES);

/** What the record of a region's API says at each, of a name within the zone and in full: Azure has no field for it. */
const API_RECORDS: Readonly<
  Record<
    string,
    (within: string, full: string, address: string) => { name?: string; forProvider: JsonObject }
  >
> = {
  cloudflare: (_, name, content) => ({ forProvider: { name, type: 'A', content } }),
  route53: (_, name, address) => ({ forProvider: { name, type: 'A', records: [address] } }),
  clouddns: (_, full, address) => ({ forProvider: { name: `${full}.`, type: 'A', rrdatas: [address] } }),
  azure: (name, _, address) => ({ name, forProvider: { zoneName: 'example.com', records: [address] } }),
};

function dnsAt(provider: string, zone: JsonObject): JsonObject {
  return { provider, zone: 'example.com', secretRef: { name: 'dns' }, ...zone };
}

/** What a cluster says to have its records at the first of them. */
export const recordsAtFirst: JsonObject = {
  dns: dnsAt('cloudflare', ZONES.cloudflare),
  certificates: { email: 'ops@example.com', solver: 'dns01' },
};

/** @param claim is being made, with records at the first provider. */
export function dnsPackages(claim: Reference): Scenario {
  return (given) => {
    for (const [index, [provider, zone]] of Object.entries(ZONES).entries()) {
      const former = providers[index - 1];
      const configuration = `openova-dns-${provider}`;
      let before: Manifest[] = [];

      it(`waits for ${configuration}, which it names, ${former === undefined ? 'built but for its records' : `with its records at ${former} as they were`}`, async () => {
        const live = given();
        before = await recordsOf(live, claim);
        if (former !== undefined) {
          const none = { zoneId: null, project: null, resourceGroup: null, servicePrincipal: null };
          await edit(live, claim, { dns: { ...none, ...dnsAt(provider, zone) } });
        }
        const told = await until(
          live,
          claim,
          'everything but records',
          600,
          // Of a claim that was ready both change one after the other.
          (one) => isTrue(one, 'PlatformReady') && !isTrue(one, 'PackagesInstalled') && !isTrue(one, 'Ready'),
        );

        expect(textAt(conditionOf(told, 'PackagesInstalled'), 'message')).toContain(configuration);
        expect((await recordsOf(live, claim)).map(identity)).toEqual(before.map(identity));
      });

      it(`has the same records at ${provider} alone once that is installed`, async () => {
        const live = given();
        await installConfiguration(live.kube, configuration);
        await untilInstalled(live.kube, configuration);
        await giveCredentials(live, provider);
        await until(live, claim, 'it to be ready', 300, isReadyClaim);
        const records = await eventually(`records at ${provider} alone`, 100, async () => {
          const found = await recordsOf(live, claim);
          if (found.every((one) => keyOf(one).startsWith(`${RECORDS}${provider}/`)) && found.length > 0)
            return found;
          throw new Error(found.map(nameOf).join(', '));
        });

        expect(records.filter((one) => subjects([one]).includes('api/fsn/a'))).toMatchObject([
          apiRecord(live, claim, provider),
        ]);
        if (former !== undefined) expect(subjects(records)).toEqual(subjects(before));
        expect(records.filter((one) => !isTrue(one, 'Ready')).map(nameOf)).toEqual([]);
        expect(await inLine(live, claim)).toBe(true);
      });
    }
  };
}

/** The records of a claim, whoever serves them. */
async function recordsOf(live: Live, claim: Reference): Promise<Manifest[]> {
  return (await composed(live, claim)).filter((one) => keyOf(one).startsWith(RECORDS));
}

/** What the record of a region's API has at a provider, where its only server has its address. */
function apiRecord(live: Live, claim: Reference, provider: string): JsonObject {
  const [server = ''] = atCloud(live, claim, ['servers']).filter((name) => name.includes('control-plane-1'));
  const found = live.hcloud.project.all('servers').find((one) => one['name'] === server);
  const within = `api.fsn.${claim.name}`;
  const address = textAt(found, 'public_net', 'ipv4', 'ip') ?? 'no address';
  const record = API_RECORDS[provider]?.(within, `${within}.example.com`, address);
  if (record === undefined) throw new Error(`nothing is known of records at ${provider}`);
  const { name, forProvider } = record;
  return {
    ...(name !== undefined && { metadata: { annotations: { [EXTERNAL_NAME_ANNOTATION]: name } } }),
    spec: { forProvider },
  };
}

function keyOf(record: Manifest): string {
  return textAt(record, 'metadata', 'annotations', KEY_ANNOTATION) ?? '';
}

function identity(record: Manifest): string {
  return `${nameOf(record)} ${textAt(record, 'metadata', 'uid') ?? ''}`;
}

/** What records are about, by their keys: `api/fsn/a`, without provider and zone before it, and without a hash behind it. */
function subjects(records: readonly Manifest[]): string[] {
  const found = records.map((one) => keyOf(one).split('/').slice(3).join('/'));
  return [...new Set(found.map((subject) => subject.replace(/\/[0-9a-f]{8}$/, '')))].sort();
}

/** The ProviderConfig and its Secret, as they are shown to operators. */
async function giveCredentials({ kube }: Live, provider: string): Promise<void> {
  const { apiVersion } = PLAYED.find(({ use }) => use === provider)?.providerConfig ?? {};
  const shown = await readManifests(
    join(import.meta.dirname, '../../../package/credentials-dns.example.yaml'),
  );
  for (const config of shown.filter(
    (one) => one.kind === 'ProviderConfig' && one.apiVersion === apiVersion,
  )) {
    const name = textAt(config, 'spec', 'credentials', 'secretRef', 'name');
    for (const object of [
      ...shown.filter((one) => one.kind === 'Secret' && one.metadata.name === name),
      config,
    ])
      // Its kinds are served a moment after the package says that it is healthy.
      await eventually(nameOf(object), 60, () => kube.apply(object));
  }
}
