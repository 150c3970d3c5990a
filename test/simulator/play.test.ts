import { describe, expect, it } from 'vitest';
import { INPUT_ANNOTATION, RESULT_KEY } from '../../functions/bootstrap/contract.ts';
import {
  conditionOf,
  isTrue,
  textAt,
  type JsonObject,
  type Manifest,
} from '../../functions/kernel/manifest.ts';
import { ipv4For, ipv6For, numberFor, publicKeyFor } from '../../functions/simulator/addresses.ts';
import { play } from '../../functions/simulator/play.ts';
import { EMPTY, idOf, put, type World } from '../../functions/simulator/world.ts';
import { NETWORK, SERVER } from './toy.ts';

function object(
  apiVersion: string,
  kind: string,
  name: string,
  spec?: JsonObject,
  namespace?: string,
): Manifest {
  return { apiVersion, kind, metadata: { name, ...(namespace && { namespace }) }, ...(spec && { spec }) };
}
const managed = (apiVersion: string, kind: string, name: string, forProvider: JsonObject) =>
  object(apiVersion, kind, name, { forProvider });

function after(objects: readonly Manifest[], rounds = 1): World {
  let world = objects.reduce(put, EMPTY);
  for (let round = 0; round < rounds; round += 1) world = play([], world);
  return world;
}

const played = (world: World, one: Manifest) => world.objects.get(idOf(one)) ?? one;

describe('clouds', () => {
  const network = managed(NETWORK, 'Network', 'net', { name: 'net', ipRange: '10.0.0.0/16' });
  const subnet = managed(NETWORK, 'Subnet', 'sub', { ipRange: '10.0.0.0/20', networkIdRef: { name: 'net' } });
  const server = (name: string, more: JsonObject = {}) =>
    managed(SERVER, 'Server', name, {
      name,
      network: [{ networkIdRef: { name: 'net' }, ip: '10.0.0.11' }],
      ...more,
    });

  it('give a network a number, and what refers to it that number, not text', () => {
    const world = after([network, subnet], 2);
    const id = textAt(played(world, network), 'status', 'atProvider', 'id');

    expect(id).toMatch(/^\d{8}$/);
    expect(played(world, subnet)).toMatchObject({
      metadata: { annotations: { 'crossplane.io/external-name': `${id}-10.0.0.0/20` } },
      spec: { forProvider: { networkId: Number(id) } },
    });
  });

  it('cannot make what refers to nothing, and say which reference it is', () => {
    const world = after([subnet]);

    expect(isTrue(played(world, subnet), 'Ready')).toBe(false);
    expect(conditionOf(played(world, subnet), 'Synced')?.['message']).toBe(
      'cannot resolve references: networkId: the referenced "net" does not exist',
    );
  });

  it('give every server addresses of its own, kept for good', () => {
    const servers = Array.from({ length: 300 }, (_, index) => server(`s${index}`));
    const world = after([network, ...servers], 3);
    const addresses = servers.flatMap((one) =>
      ['ipv4Address', 'ipv6Address'].map((field) =>
        textAt(played(world, one), 'status', 'atProvider', field),
      ),
    );

    expect(new Set(addresses).size).toBe(600);
    expect(
      addresses.every((address) => /^(198\.51\.100|203\.0\.113)\.\d+$|^2001:db8:/.test(address ?? '')),
    ).toBe(true);
    expect(played(play([], world), servers[0] ?? network)['status']).toEqual(
      played(world, servers[0] ?? network)['status'],
    );
  });

  it('give none that the server does not want', () => {
    const world = after(
      [network, server('s', { publicNet: [{ ipv4Enabled: false, ipv6Enabled: true }] })],
      2,
    );
    const atProvider = played(world, server('s'))['status'];

    expect(atProvider).toMatchObject({ atProvider: { status: 'running', network: [{ ip: '10.0.0.11' }] } });
    expect(JSON.stringify(atProvider)).not.toContain('ipv4Address');
  });

  it('take what they resolved into their own hands', () => {
    const world = after([network, server('s')], 2);
    const managers = JSON.stringify(played(world, server('s')).metadata['managedFields']);

    expect(managers).toContain('managed.crossplane.io/api-simple-reference-resolver');
  });

  it('keep a name that was given', () => {
    const named = {
      ...network,
      metadata: { name: 'net', annotations: { 'crossplane.io/external-name': '7' } },
    };

    expect(played(after([named]), named)).toMatchObject({ status: { atProvider: { id: '7' } } });
  });
});

describe('workload clusters', () => {
  const config = object('helm.crossplane.io/v1beta1', 'ProviderConfig', 'region', {
    credentials: { source: 'Secret', secretRef: { namespace: 'sys', name: 'kubeconfig', key: 'kubeconfig' } },
  });
  const secret = (data: JsonObject): Manifest => ({
    ...object('v1', 'Secret', 'kubeconfig', undefined, 'sys'),
    data,
  });
  const release = object('helm.crossplane.io/v1beta1', 'Release', 'cilium', {
    providerConfigRef: { name: 'region' },
    forProvider: { chart: { name: 'cilium' } },
  });

  const cases: Record<string, { reason: string; objects: Manifest[]; ready: boolean; message: string }> = {
    'no way in': {
      reason: 'the ProviderConfig is missing',
      objects: [],
      ready: false,
      message: 'cannot get provider config: ProviderConfig.helm.crossplane.io "region" not found',
    },
    'an empty kubeconfig': {
      reason: 'the Secret is there before the program has filled it',
      objects: [config, secret({})],
      ready: false,
      message: 'cannot get credentials: Secret "kubeconfig" has no key "kubeconfig"',
    },
    'a kubeconfig': {
      reason: 'the release is deployed',
      objects: [config, secret({ kubeconfig: 'eA==' })],
      ready: true,
      message: '',
    },
  };
  for (const [name, { reason, objects, ready, message }] of Object.entries(cases)) {
    it(`${name}: ${reason}`, () => {
      const one = played(after([...objects, release]), release);

      expect(isTrue(one, 'Ready')).toBe(ready);
      expect(conditionOf(one, 'Synced')?.['message'] ?? '').toBe(message);
    });
  }

  it('a Node is ready, has its provider id and no taint', () => {
    const wrapped = object('kubernetes.crossplane.io/v1alpha2', 'Object', 'node', {
      providerConfigRef: { name: 'region' },
      managementPolicies: ['Observe'],
      forProvider: { manifest: { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' } } },
    });
    const way = { ...config, apiVersion: 'kubernetes.crossplane.io/v1alpha1' };
    const one = played(after([way, secret({ kubeconfig: 'eA==' }), wrapped]), wrapped);

    expect(one).toMatchObject({
      status: {
        atProvider: {
          manifest: {
            spec: { providerID: expect.stringMatching(/^hcloud:\/\/\d+$/), taints: [] },
            status: { conditions: [{ type: 'Ready', status: 'True' }] },
          },
        },
      },
    });
  });
});

describe('the bootstrap program', () => {
  const secrets = { tokens: 'tokens', ssh: 'ssh', hostKeys: 'host-keys' };
  const common = {
    version: 1,
    region: 'r',
    namespace: 'sys',
    result: 'result',
    secrets,
    deadlineSeconds: 60,
  };
  const job = (input: JsonObject): Manifest =>
    object(
      'batch/v1',
      'Job',
      'job',
      { template: { metadata: { annotations: { [INPUT_ANNOTATION]: JSON.stringify(input) } } } },
      'sys',
    );
  const result: Manifest = { ...object('v1', 'ConfigMap', 'result', undefined, 'sys') };

  it('prepare writes its result with a public key, and Secrets without any real value', () => {
    const one = job({ ...common, operation: 'prepare' });
    const world = after([one, result]);
    const document = textAt(played(world, result), 'data', RESULT_KEY) ?? '';

    expect(JSON.parse(document)).toMatchObject({
      phase: 'Succeeded',
      publicKey: expect.stringMatching(/^ssh-ed25519 AAAA/),
    });
    expect(played(world, one)).toMatchObject({ status: { succeeded: 1 } });
    expect(isTrue(played(world, one), 'Complete')).toBe(true);
    expect(world.objects.get('Secret/sys/tokens')).toMatchObject({
      data: { server: 'cmVuZGVyZWQ=', agent: 'cmVuZGVyZWQ=' },
    });
  });

  it('cannot write to a ConfigMap that is not there, so the Job goes on', () => {
    const one = job({ ...common, operation: 'prepare' });
    const world = after([one]);

    expect(played(world, one)).toMatchObject({ status: { active: 1 } });
    expect(world.objects.size).toBe(1);
  });

  it('kubeconfig fills the Secret and the copy', () => {
    const target = { name: 'n', address: '198.51.100.1', nodeAddress: '10.0.0.11', port: 22, identity: '1' };
    const input = {
      ...common,
      operation: 'kubeconfig',
      target,
      kubeconfig: 'kc',
      copy: { namespace: 'team', name: 'copy' },
      context: 'r',
    };
    const world = after([job(input), result]);

    for (const id of ['Secret/sys/kc', 'Secret/team/copy'])
      expect(world.objects.get(id)).toMatchObject({ data: { kubeconfig: 'cmVuZGVyZWQ=' } });
  });

  it('refuses an input that it does not understand', () => {
    expect(() => after([job({ operation: 'nonsense' }), result])).toThrow();
  });

  it('a Job of somebody else is simply complete', () => {
    const one = object('batch/v1', 'Job', 'job', { template: {} }, 'sys');

    expect(isTrue(played(after([one]), one), 'Complete')).toBe(true);
  });
});

describe('usages', () => {
  const network = managed(NETWORK, 'Network', 'net', { name: 'net' });
  const subnet = managed(NETWORK, 'Subnet', 'sub', { networkIdRef: { name: 'net' } });
  const side = ({ apiVersion, kind, metadata }: Manifest) => ({
    apiVersion,
    kind,
    resourceRef: { name: metadata.name },
  });
  const usage = object('protection.crossplane.io/v1beta1', 'ClusterUsage', 'use', {
    of: side(network),
    by: side(subnet),
  });

  it('are ready when both sides exist; the one is marked, the other owns the Usage', () => {
    const world = after([network, subnet, usage]);

    expect(isTrue(played(world, usage), 'Ready')).toBe(true);
    expect(played(world, network).metadata.labels).toEqual({ 'crossplane.io/in-use': 'true' });
    expect(played(world, usage).metadata['ownerReferences']).toMatchObject([{ kind: 'Subnet', name: 'sub' }]);
  });

  it('are not without them', () => {
    expect(isTrue(played(after([network, usage]), usage), 'Ready')).toBe(false);
  });
});

describe('addresses', () => {
  it('are the same for the same name and never one that is taken', () => {
    const first = ipv4For('server', 'a', new Set());

    expect(ipv4For('server', 'a', new Set())).toBe(first);
    expect(ipv4For('server', 'a', new Set([first]))).not.toBe(first);
    expect(ipv6For('a', new Set([ipv6For('a', new Set())]))).not.toBe(ipv6For('a', new Set()));
    expect(numberFor('a')).toBeGreaterThanOrEqual(10_000_000);
  });

  it('a public key is one in form', () => {
    const [type, key = ''] = publicKeyFor('region').split(' ');
    const blob = Buffer.from(key, 'base64');

    expect(type).toBe('ssh-ed25519');
    expect([
      blob.length,
      blob.readUInt32BE(0),
      blob.subarray(4, 15).toString(),
      blob.readUInt32BE(15),
    ]).toEqual([51, 11, 'ssh-ed25519', 32]);
  });
});
