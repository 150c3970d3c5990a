/** Our own chart through the Helm that installs it: what the values of the catalogue become in a region. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import { Teardown } from '../../functions/bootstrap/contract.ts';
import { openovaSystem } from '../../functions/catalogue/openova-system.ts';
import { valuesOf } from '../../functions/catalogue/render.ts';
import { isManifest, listAt, objectAt, textAt, type Manifest } from '../../functions/kernel/manifest.ts';
import { VERSION } from '../../functions/release.ts';
import { toolPath } from '../../tools/build.ts';
import { contextOf, platformSpec, regions } from '../catalogue/specs.ts';

const run = promisify(execFile);
const chart = join(import.meta.dirname, '../../package/charts/openova-system');
const serviceAccount = {
  type: 'service_account',
  project_id: 'acme-prod',
  private_key: '-----BEGIN PRIVATE KEY-----\nAAAA, {not} a list\n-----END PRIVATE KEY-----\n',
  client_email: 'dns@acme-prod.iam.gserviceaccount.com',
};

let helm: string;
let folder: string;
beforeAll(async () => {
  helm = await toolPath('helm');
  folder = await mkdtemp(join(tmpdir(), 'openova-charts-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Arguments that hand values over in the order of provider-helm: valuesFrom, values, set. */
async function argumentsFor(name: string, secret: (key: string) => string): Promise<string[]> {
  const spec = platformSpec(regions[name]);
  const context = contextOf(spec);
  const file = (part: string) => join(folder, `${name.replace(/\W+/g, '-')}.${part}`);
  await writeFile(file('json'), JSON.stringify(serviceAccount));
  await writeFile(file('yaml'), stringify(valuesOf(openovaSystem, context)));
  const secrets = openovaSystem.secrets?.(context) ?? [];
  return [
    ...secrets.filter(({ json }) => json === true).flatMap(() => ['--values', file('json')]),
    ...['--values', file('yaml')],
    ...secrets
      .filter(({ json }) => json !== true)
      .flatMap(({ name: path, key }) => ['--set', `${path}=${secret(key)}`]),
  ];
}

async function rendered(name: string, secret: (key: string) => string): Promise<Manifest[]> {
  const { stdout } = await run(helm, [
    ...['template', 'openova-system', chart, '--namespace', 'openova-system', '--kube-version', '1.36.3'],
    ...(await argumentsFor(name, secret)),
  ]);
  return parseAllDocuments(stdout).flatMap((document) => {
    const object: unknown = document.toJS();
    return isManifest(object) ? [object] : [];
  });
}

/** The Secrets that a render made, as `namespace/name`, with their values decoded. */
function secretsOf(objects: readonly Manifest[]): Record<string, Record<string, string>> {
  const decoded = objects
    .filter(({ kind }) => kind === 'Secret')
    .map(({ metadata, ...secret }): [string, Record<string, string>] => [
      `${metadata.namespace ?? ''}/${metadata.name ?? ''}`,
      Object.fromEntries(
        Object.keys(objectAt(secret, 'data') ?? {}).map((key) => [
          key,
          Buffer.from(textAt(secret, 'data', key) ?? '', 'base64').toString(),
        ]),
      ),
    ]);
  return Object.fromEntries(decoded);
}

describe('the chart openova-system', () => {
  it('has the version that the catalogue asks for', async () => {
    const { stdout } = await run(helm, ['show', 'chart', chart]);
    expect(parseAllDocuments(stdout)[0]?.toJS()).toMatchObject({ version: VERSION, appVersion: VERSION });
  });

  it.each(Object.keys(regions))('is free of lint with the values of: %s', async (name) => {
    const { stdout } = await run(helm, [
      ...['lint', '--strict', chart, '--namespace', 'openova-system'],
      ...(await argumentsFor(name, () => 'AAAA')),
    ]);
    expect(stdout).toContain('0 chart(s) failed');
  });

  it('refuses values that it does not know', async () => {
    const unknown = run(helm, ['template', 'openova-system', chart, '--set', 'credential.cloud.token=AAAA']);
    await expect(unknown).rejects.toThrow(/credential/);
  });

  it('refuses to make a Secret without the value that a file in it needs', async () => {
    const lacking = run(helm, [
      ...['template', 'openova-system', chart],
      ...(await argumentsFor('azure, archival on gcs', () => 'AAAA')).filter(
        (argument, index, all) =>
          !argument.includes('clientSecret') && !all[index + 1]?.includes('clientSecret'),
      ),
    ]);
    await expect(lacking).rejects.toThrow('credentials.dns.clientSecret is missing');
  });
});

describe('the Secrets in a region', () => {
  const cases: Record<string, { reason: string; secret?: string; want: Record<string, unknown> }> = {
    'cloudflare, load balancer of the cloud': {
      reason: 'the cloud token for its controller and volumes, the DNS token where pods read it',
      want: {
        'cert-manager/dns-credentials': { token: 'AAAA' },
        'external-dns/dns-credentials': { token: 'AAAA' },
        'kube-system/hcloud': { token: 'AAAA', network: 'acme' },
      },
    },
    'hetzner dns, one small machine': {
      reason: 'a value of digits, with blanks around it as `echo` leaves them, stays the text that it is',
      secret: '1234567890\n',
      want: {
        'cert-manager/dns-credentials': { token: '1234567890' },
        'kube-system/hcloud': { token: '1234567890', network: 'acme' },
      },
    },
    'route53, archival on r2': {
      reason: 'the characters of base64 pass unharmed',
      secret: 'wJalr+XUtnFEMI/K7MDENG=',
      want: {
        'cert-manager/dns-credentials': {
          accessKeyId: 'wJalr+XUtnFEMI/K7MDENG=',
          secretAccessKey: 'wJalr+XUtnFEMI/K7MDENG=',
        },
        'external-dns/dns-credentials': {
          accessKeyId: 'wJalr+XUtnFEMI/K7MDENG=',
          secretAccessKey: 'wJalr+XUtnFEMI/K7MDENG=',
        },
        'kube-system/hcloud': { token: 'wJalr+XUtnFEMI/K7MDENG=', network: 'acme' },
        'openova-system/archival-credentials': {
          accessKeyId: 'wJalr+XUtnFEMI/K7MDENG=',
          secretAccessKey: 'wJalr+XUtnFEMI/K7MDENG=',
        },
      },
    },
    'existing machines, addresses on a segment': { reason: 'no credentials, no Secret', want: {} },
  };

  it.each(Object.entries(cases))('%s', async (name, { reason, secret = 'AAAA', want }) => {
    expect(secretsOf(await rendered(name, () => secret)), reason).toEqual(want);
  });

  it('clouddns: a JSON key arrives as it was, beside a line of another source', async () => {
    const secrets = secretsOf(await rendered('clouddns, archival on azureblob', () => 'AAAA'));
    const key = secrets['cert-manager/dns-credentials']?.['serviceAccount'] ?? '{}';
    expect(JSON.parse(key)).toEqual(serviceAccount);
    expect(secrets['openova-system/archival-credentials']).toEqual({
      accountName: 'AAAA',
      accountKey: 'AAAA',
    });
  });

  it('azure: the file that ExternalDNS reads holds public fields and the one secret', async () => {
    const secrets = secretsOf(await rendered('azure, archival on gcs', () => 'AAAA'));
    expect(JSON.parse(secrets['external-dns/dns-credentials']?.['azure.json'] ?? '{}')).toEqual({
      tenantId: '11111111-1111-1111-1111-111111111111',
      subscriptionId: '22222222-2222-2222-2222-222222222222',
      resourceGroup: 'dns',
      aadClientId: '33333333-3333-3333-3333-333333333333',
      aadClientSecret: 'AAAA',
    });
    const archival = secrets['openova-system/archival-credentials']?.['serviceAccount'] ?? '{}';
    expect(JSON.parse(archival)).toEqual(serviceAccount);
  });
});

describe('the teardown hook', () => {
  const hooksOf = (objects: readonly Manifest[]) =>
    objects.filter(({ metadata }) => metadata.annotations?.['helm.sh/hook'] !== undefined);

  it('runs before anything is deleted, and nothing of it exists before', async () => {
    const hooks = hooksOf(await rendered('cloudflare, load balancer of the cloud', () => 'AAAA'));
    expect(hooks.map(({ kind }) => kind).sort()).toEqual([
      'ClusterRole',
      'ClusterRoleBinding',
      'ConfigMap',
      'Job',
      'ServiceAccount',
    ]);
    for (const { metadata } of hooks) expect(metadata.annotations?.['helm.sh/hook']).toBe('pre-delete');
  });

  it('is given an input that the bootstrap program takes, and less time than Helm waits', async () => {
    const hooks = hooksOf(await rendered('hetzner dns, one small machine', () => 'AAAA'));
    const input = hooks.map((hook) => textAt(hook, 'data', 'input.json')).find(Boolean) ?? '{}';
    const { volumes, deadlineSeconds } = Teardown.parse(JSON.parse(input));
    expect(volumes).toBe('Delete');
    const job = hooks.find(({ kind }) => kind === 'Job');
    expect(deadlineSeconds).toBeLessThan(Number(objectAt(job, 'spec')?.['activeDeadlineSeconds']));
    expect(Number(objectAt(job, 'spec')?.['activeDeadlineSeconds'])).toBeLessThan(9.5 * 60);
  });

  it('may touch volumes only where they shall go', async () => {
    const resources = async (name: string) =>
      hooksOf(await rendered(name, () => 'AAAA'))
        .filter(({ kind }) => kind === 'ClusterRole')
        .flatMap((role) => listAt(role, 'rules').flatMap((rule) => listAt(rule, 'resources')));
    expect(await resources('cloudflare, load balancer of the cloud')).toEqual(['services']);
    expect(await resources('hetzner dns, one small machine')).toContain('persistentvolumeclaims');
  });

  it('is left out where there is no cloud', async () => {
    expect(hooksOf(await rendered('existing machines, k8gb', () => 'AAAA'))).toEqual([]);
  });
});
