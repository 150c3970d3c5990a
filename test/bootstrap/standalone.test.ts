import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import ssh2 from 'ssh2';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { EXIT } from '../../functions/bootstrap/contract.ts';
import { readBootstrap } from '../../functions/bootstrap/document.ts';
import { operations, performAll, removals } from '../../functions/bootstrap/standalone.ts';
import { Unreachable } from '../../functions/bootstrap/ssh.ts';
import { folder, openova } from '../cli/helpers.ts';
import { MemoryStore } from './memory-store.ts';
import { failureOf } from './scripted.ts';

const EXAMPLE = 'docs/bootstrap.example.yaml';

function example(): Record<string, unknown> {
  const read: Record<string, unknown> = parse(readFileSync(EXAMPLE, 'utf8'));
  return read;
}

const files = folder();

describe('a cluster from a file', () => {
  const planned = operations(readBootstrap(example(), EXAMPLE));

  it('is made in order: keys, servers one at a time, agents, the way in', () => {
    expect(
      planned.map((input) => [input.operation, ...('target' in input ? [input.target.name] : [])].join(' ')),
    ).toEqual(['prepare', 'server one', 'server two', 'server three', 'agent four', 'kubeconfig one']);
  });

  it('tells every server the same, and whom it joins through', () => {
    const servers = planned.flatMap((input) => (input.operation === 'server' ? [input] : []));
    expect(new Set(servers.map(({ k3s }) => JSON.stringify(k3s.common))).size).toBe(1);
    expect(servers.map(({ peers }) => peers.map(({ name }) => name))).toEqual([
      ['two', 'three'],
      ['one', 'three'],
      ['one', 'two'],
    ]);
    expect(servers.map(({ cni }) => cni)).toEqual(['cilium', 'cilium', 'cilium']);
  });

  it('keeps no pod off a node: K3s installs Cilium from one that tolerates few taints', () => {
    const taints = planned.flatMap((input) => ('k3s' in input ? [input.k3s.node['node-taint']] : []));
    expect(taints).toEqual([undefined, undefined, undefined, undefined]);
  });

  it('lets in by SSH and the API whom it says, and by the ports of the cluster its machines alone', () => {
    const { spec } = readBootstrap(example(), EXAMPLE);
    const access = {
      managementCidrs: ['192.0.2.0/24'],
      sshAllowedCidrs: [],
      apiAllowedCidrs: ['2001:db8::/32'],
    };
    const inputs = operations(readBootstrap({ ...example(), spec: { ...spec, access } }, EXAMPLE));
    const lists = inputs.flatMap((input) => ('host' in input && input.host ? [input.host.allow] : []));
    expect(lists).toHaveLength(4);
    for (const allow of lists) {
      const from = (port: string) =>
        allow.filter(({ ports }) => ports.includes(port)).flatMap((one) => one.from);
      const machines = spec.machines.map(({ address }) => address).sort();
      expect(from('2379-2380')).toEqual(machines);
      expect(from('10250')).toEqual([...machines, spec.network.podCidr]);
      expect(from('22')).toEqual(['192.0.2.0/24']);
      expect(from('6443')).toEqual([...machines, spec.network.podCidr, '192.0.2.0/24', '2001:db8::/32']);
    }
  });

  it('has DNS of the cluster at the tenth address of its services unless told', () => {
    const { spec } = readBootstrap(example(), EXAMPLE);
    const network = { ...spec.network, serviceCidr: '10.99.0.0/16' };
    const inputs = operations(readBootstrap({ ...example(), spec: { ...spec, network } }, EXAMPLE));
    const first = inputs.find((input) => input.operation === 'server');
    expect(first?.k3s.common).toMatchObject({ 'service-cidr': '10.99.0.0/16', 'cluster-dns': '10.99.0.10' });
  });

  it('has those let a server in that come after it: the others have done so by then', () => {
    const others = planned.flatMap((input) => ('host' in input && input.host ? [input.host.others] : []));
    expect(others.map((some) => some.map(({ name }) => name))).toEqual([['two', 'three'], ['three'], [], []]);
  });

  it('says of a machine that is another one now that it is', () => {
    const identities = [1, 2].map((generation) => {
      const document = example();
      const { spec } = readBootstrap(document, EXAMPLE);
      const machines = spec.machines.map((machine) => ({ ...machine, generation }));
      return operations(readBootstrap({ ...document, spec: { ...spec, machines } }, EXAMPLE)).flatMap(
        (input) => ('target' in input ? [input.target.identity] : []),
      );
    });
    expect(identities[0]).not.toEqual(identities[1]);
  });
});

const MACHINE = '{ name: one, role: server, address: 203.0.113.1 }';
const document = (spec: string, kind = 'Bootstrap') =>
  `apiVersion: platform.openova.io/v1alpha1\nkind: ${kind}\nmetadata: { name: garage }\nspec: ${spec}\n`;
const K3S = 'kubernetes: { version: v1.36.3+k3s1 }';

describe('openova bootstrap', () => {
  it.each([
    ['no machine', `{ ${K3S}, machines: [] }`, 'spec.machines has 0 entries, must have at least 1'],
    [
      'two servers',
      `{ ${K3S}, machines: [${MACHINE}, { name: two, role: server, address: 203.0.113.2 }] }`,
      'so that a majority is always possible',
    ],
    [
      'a name twice',
      `{ ${K3S}, machines: [${MACHINE}, ${MACHINE.replace('server', 'agent')}] }`,
      'spec.machines[one].name is "one" twice, must be unique',
    ],
    [
      'private addresses of some',
      `{ ${K3S}, machines: [${MACHINE}, { name: two, role: agent, address: 203.0.113.2, privateAddress: 10.0.0.2 }] }`,
      'must have a privateAddress each, or none of them',
    ],
    [
      'a range that is none',
      `{ ${K3S}, access: { managementCidrs: [home] }, machines: [${MACHINE}] }`,
      'spec.access.managementCidrs[0] is "home", must look like 192.0.2.10/32',
    ],
    [
      'a range with bits behind its prefix',
      `{ ${K3S}, access: { apiAllowedCidrs: [192.0.2.1/24] }, machines: [${MACHINE}] }`,
      'spec.access.apiAllowedCidrs[0] is "192.0.2.1/24", must be a range',
    ],
    [
      'a word that is no role',
      `{ ${K3S}, machines: [${MACHINE.replace('server', 'master')}] }`,
      'spec.machines[one].role is "master", must be one of agent, server',
    ],
    [
      'a machine without an address',
      `{ ${K3S}, machines: [{ name: one, role: server }] }`,
      'spec.machines[one].address is missing, must look like 203.0.113.7',
    ],
    [
      'a field that there is none of',
      `{ ${K3S}, cluster: x, machines: [${MACHINE}] }`,
      'spec.cluster is not a field, must be one of access, cni, kubernetes, machines',
    ],
    [
      'a name where K3s takes an address alone',
      `{ ${K3S}, machines: [${MACHINE.replace('203.0.113.1', 'one.example.com')}] }`,
      'spec.machines[one].address is "one.example.com", must be an IP address unless',
    ],
    [
      'one machine under two names',
      `{ ${K3S}, machines: [${MACHINE}, ${MACHINE.replace('one', 'two').replace('server', 'agent')}] }`,
      'spec.machines[two].address is "203.0.113.1", must be another than that of "one"',
    ],
    [
      'a host key that is none',
      `{ ${K3S}, machines: [${MACHINE.replace(' }', ', hostKey: AAAA }')}] }`,
      'spec.machines[one].hostKey is "AAAA", must be a public key as ssh-keyscan prints it',
    ],
    [
      'ranges that the machines are in',
      `{ ${K3S}, network: { podCidr: 203.0.113.0/24 }, machines: [${MACHINE}] }`,
      'spec.network.podCidr is "203.0.113.0/24", must not hold the address of "one"',
    ],
    [
      'an address of DNS outside of the services',
      `{ ${K3S}, network: { clusterDns: 10.99.0.10 }, machines: [${MACHINE}] }`,
      'spec.network.clusterDns is "10.99.0.10", must be an address in spec.network.serviceCidr',
    ],
    ['a channel', `{ kubernetes: { version: stable }, machines: [${MACHINE}] }`, '"v1.36.3+k3s1"'],
    [
      'no key',
      `{ ${K3S}, sshKeyFile: none, machines: [${MACHINE}] }`,
      /cannot read sshKeyFile ".*\/none": no such file/,
    ],
    [
      'a source that is none',
      `{ kubernetes: { version: v1.36.3+k3s1, source: { address: nowhere } }, machines: [${MACHINE}] }`,
      'spec.kubernetes.source.address is "nowhere", must look like https://mirror.example/k3s',
    ],
  ])('refuses %s', async (_, spec, words) => {
    const { code, err } = await openova([
      'bootstrap',
      '--config',
      files.file('cluster.yaml', document(spec)),
    ]);
    expect(code).toBe(2);
    if (typeof words === 'string') expect(err).toContain(words);
    else expect(err).toMatch(words);
    expect(err.trim().split('\n').length).toBeLessThanOrEqual(2);
  });

  it('says all that is wrong at once, a line each', async () => {
    const spec = `{ kubernetes: { version: stable }, machines: [${MACHINE.replace('address', 'adress')}] }`;
    const file = files.file('cluster.yaml', document(spec));
    expect((await openova(['bootstrap', '--config', file])).err.split('\n').slice(0, 3)).toEqual([
      `"${file}": spec.kubernetes.version is "stable", must be a version of K3s such as "v1.36.3+k3s1"`,
      `"${file}": spec.machines[one].address is missing, must look like 203.0.113.7`,
      `"${file}": spec.machines[one].adress is not a field, did you mean "address"`,
    ]);
  });

  it('refuses another key than the one that it has kept', async () => {
    const spec = `{ ${K3S}, sshKeyFile: key, machines: [{ name: one, role: server, address: 127.0.0.1, sshPort: 1 }] }`;
    const config = files.file('cluster.yaml', document(spec));
    files.file('key', ssh2.utils.generateKeyPairSync('ed25519').private);
    const kept = { labels: {}, type: 'Opaque', data: { id_ed25519: 'another', public: 'another' } };
    await mkdir(join(dirname(config), 'garage-state'), { recursive: true });
    await writeFile(join(dirname(config), 'garage-state/ssh.json'), JSON.stringify(kept));
    expect(await openova(['bootstrap', '--config', config])).toMatchObject({
      code: 2,
      err: expect.stringContaining('is another key than the one that is kept already'),
    });
  });

  it.each([
    ['another kind', document('{}', 'OpenOvaCluster'), 'has the kind "OpenOvaCluster", must be "Bootstrap"'],
    ['an operation that there is none of', '{"operation":"dance"}', 'is no input document'],
    ['no document', ': :', 'is neither JSON nor YAML'],
    ['an empty file', '', 'has neither the kind "Bootstrap" nor an "operation"'],
  ])('refuses %s', async (_, text, words) => {
    const { code, err } = await openova(['bootstrap', '--config', files.file('input.json', text)]);
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(words) });
  });

  it.each([
    ['is no cluster', {}, 'there is no cluster to read Secrets from'],
    ['the kubeconfig is not there', { KUBECONFIG: '/none' }, 'cannot read KUBECONFIG "/none": '],
  ])('does no operation of a region where %s', async (_, env, words) => {
    const input = {
      ...{ version: 1, operation: 'prepare', region: 'acme', namespace: 'system', result: 'result' },
      secrets: { tokens: 'tokens', ssh: 'ssh', hostKeys: 'host-keys' },
      deadlineSeconds: 60,
    };
    const file = files.file('prepare.json', JSON.stringify(input));
    expect(await openova(['bootstrap', '--config', file], { env })).toMatchObject({
      code: 2,
      err: expect.stringContaining(words),
    });
  });

  it('waits for SSH as long as it is told to, also to take a cluster down', async () => {
    const machine = '{ name: one, role: server, address: 127.0.0.1, sshPort: 1 }';
    const config = files.file('cluster.yaml', document(`{ ${K3S}, state: silent, machines: [${machine}] }`));
    for (const flags of [[], ['--uninstall', 'garage']]) {
      const env = { OPENOVA_SSH_SECONDS: '1' };
      expect(await openova(['bootstrap', '--config', config, ...flags], { env })).toMatchObject({
        code: EXIT.timeout,
        err: expect.stringContaining('"wait for SSH" took longer than 1 s on "one"'),
      });
    }
  });

  it('says on a terminal once why it failed, what it waits for before that, and which key machines must accept', async () => {
    const machine = '{ name: one, role: server, address: 127.0.0.1, sshPort: 1 }';
    const config = files.file('cluster.yaml', document(`{ ${K3S}, state: shown, machines: [${machine}] }`));
    const env = { OPENOVA_SSH_SECONDS: '1', NO_COLOR: '1' };
    const { out, err } = await openova(['bootstrap', '--config', config], { env, terminal: true });
    expect(err).toBe('');
    expect(out).toContain(
      `root on each machine must accept the key ${join(dirname(config), 'shown/id_ed25519.pub')}\n`,
    );
    expect(out).toContain('· one  wait for SSH  SSH at "127.0.0.1" port 1: connect ECONNREFUSED');
    expect(out.split('"wait for SSH" took longer than 1 s')).toHaveLength(2);
  });

  it('leaves signals to others once it has ended', async () => {
    const listeners = () => ['SIGTERM', 'SIGINT'].map((signal) => process.listenerCount(signal));
    const before = listeners();
    await openova(['bootstrap', '--config', '/none']);
    expect(listeners()).toEqual(before);
  });

  it('refuses a file that is not there, and a command line without one', async () => {
    expect(await openova(['bootstrap', '--config', '/none'])).toMatchObject({
      code: 2,
      err: 'cannot read --config "/none": no such file\n',
    });
    expect(await openova(['bootstrap'])).toMatchObject({ code: 2, err: expect.stringContaining('--config') });
  });
});

describe('a cluster from a file is taken down', () => {
  const inputs = removals(readBootstrap(example(), EXAMPLE));
  const nameOf = (input: object) => ('target' in input ? JSON.stringify(input.target) : '');

  it('machine by machine, agents first, each as its document has it', () => {
    expect(
      inputs.map((input) => (input.operation === 'uninstall' ? [input.target.name, input.role] : [])),
    ).toEqual([
      ['four', 'agent'],
      ['one', 'server'],
      ['two', 'server'],
      ['three', 'server'],
    ]);
    const made = operations(readBootstrap(example(), EXAMPLE)).map(nameOf);
    for (const input of inputs) expect(made).toContain(nameOf(input));
  });

  /** Takes it down, with some of its machines silent. */
  async function takenDown(silent: readonly string[], stop = new AbortController()) {
    const store = new MemoryStore();
    await store.create({ namespace: 'local', name: 'ssh' }, { data: { id_ed25519: 'a key of ours' } });
    await store.create({ namespace: 'local', name: 'host-keys' }, { data: {} });
    const gone: string[] = [];
    const ending = performAll(
      {
        store,
        progress: ({ node, step, state }) => {
          if (step === 'remove the firewall' && state === 'done') gone.push(node);
        },
        now: () => new Date(0),
        stop: stop.signal,
        patience: 0.001,
        login: (target) => {
          if (!silent.includes(target.name))
            return Promise.resolve({
              target,
              run: () => Promise.resolve({ code: 0, stdout: '', stderr: '' }),
              close: () => undefined,
            });
          if (silent.includes('stop')) stop.abort();
          return Promise.reject(new Unreachable('connect ETIMEDOUT'));
        },
      },
      inputs,
    );
    return { ending, gone };
  }

  it('also where some of them do not answer, and says of each that it does not', async () => {
    const { ending, gone } = await takenDown(['four', 'two']);
    const failure = await failureOf(ending);
    expect(failure).toMatchObject({ code: EXIT.timeout, hint: expect.stringContaining('is the machine on') });
    for (const name of ['four', 'two'])
      expect(failure.message).toContain(`"wait for SSH" took longer than 600 s on "${name}"`);
    expect(gone).toEqual(['one', 'three']);
  });

  it('but nothing more of it once the program is stopped', async () => {
    const { ending, gone } = await takenDown(['one', 'stop']);
    expect(await failureOf(ending)).toMatchObject({
      message: expect.stringContaining('stopped from outside'),
    });
    expect(gone).toEqual(['four']);
  });

  it.each([
    [
      'of another name than is confirmed',
      document(`{ ${K3S}, machines: [${MACHINE}] }`),
      ['--uninstall', 'acme'],
      /^--uninstall is "acme", must be "garage", the name of the cluster in ".*"$/,
    ],
    [
      'that nobody confirms',
      document(`{ ${K3S}, machines: [${MACHINE}] }`),
      ['--uninstall'],
      /argument missing/,
    ],
    [
      'to whose machines there is no key',
      document(`{ ${K3S}, state: elsewhere, machines: [${MACHINE}] }`),
      ['--uninstall', 'garage'],
      /there is no key to the machines of "garage" in ".*\/elsewhere"/,
    ],
    ['that is no cluster', document('{}'), ['--uninstall', 'garage'], /spec\.kubernetes is missing, must be/],
    [
      'by the input of a region',
      JSON.stringify({ version: 1, operation: 'teardown', volumes: 'Retain', deadlineSeconds: 60 }),
      ['--uninstall', 'garage'],
      /--uninstall is for a document of kind "Bootstrap"/,
    ],
  ])('never %s', async (_, text, flags, words) => {
    const config = files.file('cluster.yaml', text);
    const { code, err, out } = await openova(['bootstrap', '--config', config, ...flags]);
    expect(code).toBe(EXIT.input);
    expect(err.split('\n')[0]).toMatch(words);
    expect(out).toBe('');
  });
});
