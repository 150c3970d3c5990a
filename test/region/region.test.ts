import { describe, expect, it } from 'vitest';
import { at, listAt, objectAt, textAt, type JsonObject } from '../../functions/kernel/manifest.ts';
import { inputOf } from '../../functions/region/jobs.ts';
import { checkManifest } from '../fields/check.ts';
import { after, History, idOf, jobsOf, LEAST, machine, madeIn } from './history.ts';

describe('a region from nothing', () => {
  const history = new History();
  const turns = history.settle();
  const at = (key: string) => madeIn(turns, key);
  const server = (ordinal: number) =>
    jobsOf(history, 'server').find((key) => key.includes(`control-plane-${ordinal}-`)) ?? '';
  const agent = (ordinal: number) =>
    jobsOf(history, 'agent').find((key) => key.includes(`general-${ordinal}-`)) ?? '';
  const kubeconfig = jobsOf(history, 'kubeconfig')[0] ?? '';

  const order: [string, () => string, () => string, string][] = [
    [
      'prepare before the network',
      () => 'prepare/region/keys',
      () => 'network',
      'nothing costs money before keys and tokens exist',
    ],
    ['network before subnet', () => 'network', () => 'subnet', 'a subnet is part of a network'],
    [
      'subnet before servers',
      () => 'subnet',
      () => machine('control-plane-1'),
      'the private address picks the subnet, which must exist',
    ],
    [
      'firewall before servers',
      () => 'firewall-attachment',
      () => machine('control-plane-1'),
      'no machine is ever open to the world',
    ],
    [
      'servers before the load balancer',
      () => machine('control-plane-3'),
      () => 'load-balancer',
      'the order of the design',
    ],
    [
      'load balancer before the first Job',
      () => 'load-balancer/network',
      () => server(1),
      'the order of the design',
    ],
    [
      'first server before the kubeconfig',
      () => server(1),
      () => kubeconfig,
      'there is nothing to read before',
    ],
    [
      'kubeconfig before the ways in',
      () => kubeconfig,
      () => 'provider-config/helm',
      'the Secret would be empty',
    ],
    [
      'ways in before the platform',
      () => 'provider-config/kubernetes',
      () => 'platform',
      'its objects need them',
    ],
    [
      'platform before the second server',
      () => 'platform',
      () => server(2),
      'no node is Ready before Cilium',
    ],
    ['one server at a time', () => server(2), () => server(3), 'etcd admits one learner at a time'],
    ['servers before agents', () => server(3), () => agent(1), 'agents join a quorum'],
  ];
  for (const [name, before, after, reason] of order)
    it(`${name}: ${reason}`, () => {
      expect(at(before())).toBeGreaterThan(0);
      expect(at(after())).toBeGreaterThan(at(before()));
    });

  it('agents join in parallel', () => {
    expect(at(agent(1))).toBe(at(agent(2)));
  });

  it('no second server before Cilium is installed: no node is Ready without a CNI', () => {
    const early = new History();
    while (!early.observed.has('platform')) early.turn();
    early.change('platform', 'status.networkReady', false);
    early.settle();

    expect(jobsOf(early, 'server')).toHaveLength(1);
  });

  it('every object has the fields of its kind', () => {
    const wrong = [...history.observed].flatMap(([key, object]) =>
      checkManifest({ ...object, status: undefined }).map((text) => `${key}: ${text}`),
    );

    expect(wrong).toEqual([]);
  });

  it('the platform opens to everything only when all have joined', () => {
    const stages = turns
      .slice(0, at(agent(2)))
      .map(({ settled }) => textAt(settled.desired.get('platform')?.manifest, 'spec', 'stage'));

    expect(stages).not.toContain('Platform');
    expect(textAt(history.get('platform'), 'spec', 'stage')).toBe('Platform');
  });

  it('each server has a fixed address of its own in the subnet', () => {
    const addresses = [...history.observed]
      .filter(([key]) => key.startsWith('machine/'))
      .map(([, object]) => textAt(object, 'spec', 'forProvider', 'network', 0, 'ip'));

    expect(addresses).toEqual(['10.0.0.11', '10.0.0.12', '10.0.0.13', '10.0.0.14', '10.0.0.15']);
  });

  it('user data holds no version, no token and no address: it can not change and any pod can read it', () => {
    const userData = textAt(history.get(machine('control-plane-1')), 'spec', 'forProvider', 'userData') ?? '';

    expect(userData).toMatch(/^#cloud-config\n/);
    expect(userData).not.toMatch(/k3s|token|\d+\.\d+\.\d+/i);
    expect(userData).toContain('package_upgrade: false');
  });

  it('a Job holds names of Secrets, never their values, and its input is one of the contract', () => {
    for (const key of [...jobsOf(history, 'server'), ...jobsOf(history, 'agent'), kubeconfig]) {
      const input = inputOf(history.get(key));
      expect(input, key).toBeDefined();
      expect(JSON.stringify(input)).not.toMatch(/PRIVATE|K10|password/);
    }
  });

  it('cluster-init is nowhere: the program decides by the cluster marker', () => {
    expect(JSON.stringify([...history.observed.values()])).not.toContain('cluster-init');
  });

  it('the part of the configuration that servers share is the same on every server', () => {
    const parts = jobsOf(history, 'server').map((key) => {
      const input = inputOf(history.get(key));
      return input?.operation === 'server' ? JSON.stringify(input.k3s.common) : key;
    });

    expect(new Set(parts).size).toBe(1);
  });

  it('says where it is', () => {
    expect(history.status).toMatchObject({
      phase: 'Ready',
      release: '0.1',
      apiEndpoint: 'https://api.fsn.acme.example.com:6443',
      gatewayAddresses: ['198.51.100.1', '2001:db8::1'],
      kubeconfigSecretRef: { name: 'acme.kubeconfig' },
    });
  });
});

describe('a region that changes', () => {
  it('a pool grows: one server and its agent Job, and nothing else is touched', () => {
    const { made, dropped } = after((history) => {
      history.spec = { ...LEAST, pools: [{ name: 'general', count: 3 }] };
    });

    expect(made.filter((key) => !key.startsWith('usage/'))).toEqual([
      expect.stringMatching(/^agent\/general-3-g1\/\d+$/),
      expect.stringMatching(/^agent\/general-3-g1\/\d+\/result$/),
      machine('general-3'),
    ]);
    expect(dropped).toEqual([]);
  });

  it('a pool shrinks: drained first, highest ordinal first, then everything made for it', () => {
    const { turns, dropped, history } = after((one) => {
      one.spec = { ...LEAST, pools: [{ name: 'general', count: 0 }] };
    });
    const drained = (id: string) =>
      turns.findIndex(({ made }) => made.some((key) => key.startsWith(`drain-and-remove/${id}`)));
    const gone = (id: string) => turns.findIndex((turn) => turn.dropped.includes(machine(id)));

    expect(drained('general-2')).toBeGreaterThanOrEqual(0);
    expect(gone('general-2')).toBeGreaterThan(drained('general-2'));
    expect(drained('general-1')).toBeGreaterThanOrEqual(gone('general-2'));
    expect(gone('general-1')).toBeGreaterThan(drained('general-1'));
    expect(dropped.filter((key) => key.startsWith('usage/machine/general-1'))).toHaveLength(2);
    expect([...history.observed.keys()].filter((key) => key.includes('general-'))).toEqual([]);
  });

  it('a drain that does not end keeps the machine', () => {
    const { history } = after((one) => {
      one.spec = { ...LEAST, pools: [{ name: 'general', count: 1 }] };
      while (jobsOf(one, 'drain-and-remove').length === 0) one.turn();
      one.change(jobsOf(one, 'drain-and-remove')[0] ?? '', 'status', { active: 1 });
    });

    expect(history.observed.has(machine('general-2'))).toBe(true);
    expect(history.status).toMatchObject({ phase: 'Provisioning' });
  });

  it('while an older release runs, a pool that shrinks leaves nothing behind', () => {
    const { history } = after((one) => {
      one.status = { ...one.status, release: '0.0' };
      one.spec = { ...LEAST, pools: [{ name: 'general', count: 1 }] };
    });

    expect(history.status['release']).toBe('0.0');
    expect([...history.observed.keys()].filter((key) => key.includes('general-2'))).toEqual([]);
  });

  it('the release is what the platform says it runs, not what is installed', () => {
    const { history } = after((one) => {
      one.status = {};
      one.change('platform', 'status.release', '0.0');
    });

    expect(history.status['release']).toBe('0.0');
  });

  it('a server that joins is told the same as those that run, whatever a newer package would say', () => {
    const { history } = after(
      (one) => {
        const job = jobsOf(one, 'server')[0] ?? '';
        const path = ['spec', 'template', 'metadata', 'annotations'];
        const made = Object.keys(objectAt(one.get(job), ...path) ?? {}).flatMap(
          (name): [string, string][] => {
            const input = textAt(one.get(job), ...path, name) ?? '';
            const old = input.replace('quota-backend-bytes=2147483648', 'of-old=1');
            // Nor has it a field that the contract requires by now.
            return [[name, old.replace(',"cni":"none"', '')]];
          },
        );
        const annotations: Record<string, string> = Object.fromEntries(made);
        one.change(job, path.join('.'), annotations);
        one.spec = { ...one.spec, controlPlane: { count: 3 } };
      },
      { ...LEAST, controlPlane: { count: 1 } },
    );
    const [first, ...joined] = jobsOf(history, 'server').map((key) => inputOf(history.get(key)));
    const told = { operation: 'server', k3s: { common: { 'etcd-arg': ['of-old=1'] } } };

    expect(first).toBeUndefined();
    expect(joined).toMatchObject([told, told]);
  });

  it('three servers from one only join: nothing of the first is done again', () => {
    const { made, dropped } = after(
      (history) => {
        history.spec = { ...LEAST, controlPlane: { count: 3 } };
      },
      { ...LEAST, controlPlane: { count: 1 } },
    );

    expect(made.filter((key) => /^server\/.*\d$/.test(key))).toHaveLength(2);
    expect(dropped).toEqual([]);
  });

  it('a machine lost at the cloud comes back with another id and is done again under a new key', () => {
    const { made, dropped, history } = after((one) => {
      one.change(machine('general-1'), 'status.atProvider.id', '999');
    });

    expect(made).toEqual(['agent/general-1-g1/999', 'agent/general-1-g1/999/result']);
    expect(dropped).toHaveLength(2);
    expect(idOf(history.get(machine('general-1')))).toBe('999');
  });

  it('a server whose status turns to garbage keeps its Job: a flap is not a loss', () => {
    const { made, dropped } = after((one) => {
      one.change(machine('control-plane-1'), 'status', {});
    });

    expect({ made, dropped }).toEqual({ made: [], dropped: [] });
  });

  it('a Job begins when its account may write its result, and not before', () => {
    const { made, history } = after((one) => {
      one.fail(jobsOf(one, 'agent')[0] ?? '');
      one.annotations = { 'platform.openova.io/retry': 'again' };
      const { made: first } = one.turn();

      expect(first).toEqual([expect.stringMatching(/\/2\/result$/)]);
      expect(JSON.stringify(one.get('role'))).toContain(one.name(first[0] ?? ''));
    });

    expect(made).toEqual([expect.stringMatching(/^agent\/general-1-g1\/\d+\/2$/)]);
    expect(JSON.stringify(history.get('role'))).toContain(history.name(`${made[0] ?? ''}/result`));
  });

  it('a failed Job is not tried again by itself', () => {
    const { made, history } = after((one) => {
      one.fail(jobsOf(one, 'agent')[0] ?? '');
    });

    expect(made).toEqual([]);
    expect(listAt(history.status, 'waitingFor')[0]).toMatchObject({
      hint: expect.stringContaining('platform.openova.io/retry'),
    });
  });

  it('a new retry annotation makes one more attempt, once', () => {
    const { made, history } = after((one) => {
      one.fail(jobsOf(one, 'agent')[0] ?? '');
      one.annotations = { 'platform.openova.io/retry': 'again' };
    });

    expect(made.filter((key) => !key.endsWith('/result'))).toEqual([
      expect.stringMatching(/^agent\/general-1-g1\/\d+\/2$/),
    ]);
    history.fail(made.find((key) => !key.endsWith('/result')) ?? '');
    expect(history.settle()).toEqual([]);
  });

  it('a third attempt stays while it runs: of the earlier ones nothing is left to count', () => {
    const { history } = after(() => undefined);
    const job = jobsOf(history, 'agent')[0] ?? '';
    history.fail(job);
    for (const [value, attempt] of [
      ['a', 2],
      ['b', 3],
    ] as const) {
      history.annotations = { 'platform.openova.io/retry': value };
      history.settle();
      expect(jobsOf(history, 'agent')).toContain(`${job}/${attempt}`);
      if (attempt === 2) history.fail(`${job}/2`);
    }

    expect(history.settle()).toEqual([]);
    expect(jobsOf(history, 'agent')).toContain(`${job}/3`);
  });

  it('an empty id is none: the Job of the machine stays', () => {
    const { made, dropped } = after((one) => {
      one.change(machine('general-1'), 'status.atProvider.id', '');
    });

    expect({ made, dropped }).toEqual({ made: [], dropped: [] });
  });

  it('a failed attempt by the kubeconfig Job is retried and what waits for it goes on', () => {
    const history = new History();
    while (jobsOf(history, 'kubeconfig').length === 0) history.turn();
    history.fail(jobsOf(history, 'kubeconfig')[0] ?? '');
    history.settle();
    expect(history.observed.has('provider-config/helm')).toBe(false);

    history.annotations = { 'platform.openova.io/retry': '1' };
    history.settle();

    expect(history.observed.has('provider-config/helm')).toBe(true);
    expect(history.status).toMatchObject({ phase: 'Ready' });
  });

  it('the kubeconfig stays with its server while it is tried again', () => {
    const { history } = after((one) => {
      one.change(machine('control-plane-1'), 'status.atProvider.id', '999');
      one.settle();
      one.fail(jobsOf(one, 'kubeconfig')[0] ?? '');
      one.annotations = { 'platform.openova.io/retry': '1' };
    });

    expect(jobsOf(history, 'kubeconfig')).toEqual([
      expect.stringMatching(/^kubeconfig\/control-plane-2-g1\/\d+\/2$/),
    ]);
  });

  it('a Kubernetes version is raised serially: servers first, then agents', () => {
    const { turns } = after((one) => {
      one.spec = { ...LEAST, kubernetes: { version: 'v1.36.4+k3s1' } };
    });
    const upgrades = turns.map(({ made }) => made.filter((key) => /^upgrade\/[^/]+\/[^/]+$/.test(key)));

    expect(
      upgrades.filter((keys) => keys.length > 0).map((keys) => keys.map((key) => key.split('/')[1])),
    ).toEqual([
      ['control-plane-1-g1'],
      ['control-plane-2-g1'],
      ['control-plane-3-g1'],
      ['general-1-g1'],
      ['general-2-g1'],
    ]);
  });

  it('a machine that comes together with a version joins after the servers have it: no agent is newer than they', () => {
    const { turns, history } = after((one) => {
      one.spec = {
        ...LEAST,
        kubernetes: { version: 'v1.36.4+k3s1' },
        pools: [{ name: 'general', count: 3 }],
      };
    });
    const [join = ''] = jobsOf(history, 'agent').filter((key) => key.includes('general-3-'));
    const upgraded = jobsOf(history, 'upgrade').filter((key) => key.includes('control-plane-'));

    expect(upgraded).toHaveLength(3);
    for (const key of upgraded) expect(madeIn(turns, join)).toBeGreaterThan(madeIn(turns, key));
    expect(inputOf(history.get(join))).toMatchObject({ k3s: { version: 'v1.36.4+k3s1' } });
  });

  it('a mirror changes no Job that is there: machines that come and upgrades fetch K3s from it', () => {
    const mirror = 'https://mirror.example.com/k3s';
    const { turns, history } = after((one) => {
      one.spec = {
        ...LEAST,
        kubernetes: { version: 'v1.36.4+k3s1', mirror },
        pools: [{ name: 'general', count: 3 }],
      };
    });
    const made = new Set(turns.flatMap((turn) => turn.made));
    const inputs = [
      ...jobsOf(history, 'server'),
      ...jobsOf(history, 'agent'),
      ...jobsOf(history, 'upgrade'),
    ].map((key) => [made.has(key), inputOf(history.get(key))] as const);

    expect(inputs.filter(([fresh]) => fresh)).toHaveLength(6);
    expect(inputs.filter(([fresh]) => !fresh)).toHaveLength(5);
    for (const [fresh, input] of inputs)
      expect(at({ input: JSON.parse(JSON.stringify(input)) }, 'input', 'k3s', 'source')).toEqual(
        fresh ? { address: mirror } : undefined,
      );
  });

  it('other machine types in the spec leave machines that run as they are, and say so', () => {
    const { history, before } = after((one) => {
      one.spec = { ...LEAST, pools: [{ name: 'general', count: 2, serverTypes: ['cx53'] }] };
    });
    const last = history.turn();

    expect(history.get(machine('general-1'))['spec']).toEqual(before.get(machine('general-1'))?.['spec']);
    expect(last.report.conditions.find(({ type }) => type === 'MachinesCurrent')).toMatchObject({
      status: 'False',
      message: expect.stringContaining('general-1-g1 (serverType), general-2-g1 (serverType)'),
    });
  });

  describe('a machine type that is sold out', () => {
    const key = machine('control-plane-1');
    /** As provider-hetzner v0.2.1 wrote it when a pretended cloud had sold out, 2026-11-21. */
    const refused = 'error during placement (resource_unavailable): ';
    const attempt = (generation: number, synced: JsonObject): JsonObject => ({
      conditions: [
        { type: 'Ready', status: 'False', reason: 'Creating', observedGeneration: generation },
        { type: 'Synced', ...synced },
        {
          type: 'LastAsyncOperation',
          status: 'False',
          reason: 'ApplyFailure',
          message: `apply failed: ${refused}`,
        },
      ],
    });
    const failed = (generation: number, message = refused) =>
      attempt(generation, {
        status: 'False',
        reason: 'ReconcileError',
        message: `create failed: apply failed: ${message}`,
      });
    const begun = (generation: number) =>
      attempt(generation, { status: 'True', reason: 'ReconcileSuccess', observedGeneration: generation });

    const cases: Record<string, { reason: string; generation: number; status: JsonObject; want: string }> = {
      'refused as it is asked for now': {
        reason: 'the next type may be had',
        generation: 2,
        status: failed(2),
        want: 'cpx32',
      },
      'refused before the last change': {
        reason: 'an answer to another type says nothing of this one',
        generation: 3,
        status: failed(2),
        want: 'cx33',
      },
      'asked for again': {
        reason: 'until the new answer comes, only the old one is there',
        generation: 3,
        status: begun(3),
        want: 'cx33',
      },
      'refused for another reason': {
        reason: 'another type would be refused as well',
        generation: 2,
        status: failed(2, 'server limit reached (resource_limit_exceeded): '),
        want: 'cx33',
      },
      'there already': {
        reason: 'a machine that exists keeps its type',
        generation: 2,
        status: { ...failed(2), atProvider: { id: '101' } },
        want: 'cx33',
      },
    };
    for (const [name, { reason, generation, status, want }] of Object.entries(cases))
      it(`${name}: ${reason}`, () => {
        const history = new History({
          ...LEAST,
          controlPlane: { count: 1, serverTypes: ['cx33', 'cpx32', 'cpx42'] },
        });
        while (!history.observed.has(key)) history.turn();
        const server = history.get(key);
        history.observed.set(key, { ...server, metadata: { ...server.metadata, generation }, status });

        const { settled } = history.turn();

        expect(textAt(history.get(key), 'spec', 'forProvider', 'serverType')).toBe(want);
        expect(settled.outdated.get(key)).toBeUndefined();
      });

    it('one after another is tried, though the cloud says the same of each', () => {
      const history = new History({
        ...LEAST,
        controlPlane: { count: 1, serverTypes: ['cx33', 'cpx32', 'cpx42'] },
      });
      while (!history.observed.has(key)) history.turn();
      const tried = [1, 2, 3, 4].map((generation) => {
        const server = history.get(key);
        const metadata = { ...server.metadata, generation };
        history.observed.set(key, { ...server, metadata, status: failed(generation) });
        history.turn();
        return textAt(history.get(key), 'spec', 'forProvider', 'serverType');
      });

      expect(tried).toEqual(['cpx32', 'cpx42', 'cpx42', 'cpx42']);
    });
  });

  it('the load balancer is found at its address, and the firewall lets in only who was named', () => {
    const { history } = after(() => undefined);
    const rules = listAt(history.get('firewall'), 'spec', 'forProvider', 'rule');

    expect(rules.map((rule) => [textAt(rule, 'port'), listAt(rule, 'sourceIps')])).toEqual([
      ['22', ['192.0.2.10/32']],
      ['6443', ['192.0.2.10/32']],
    ]);
  });
});

describe('the records of a region', () => {
  const dns = { provider: 'route53', zone: 'example.com', zoneId: 'Z0123456789ABCDEFGHIJ' };
  const recordsOf = (spec: JsonObject) =>
    after(() => undefined, { ...LEAST, ...spec }).turns.length === 0
      ? [...after(() => undefined, { ...LEAST, ...spec }).history.observed.keys()].filter((key) =>
          key.startsWith('dns/'),
        )
      : [];

  it('one that stands alone has its own', () => {
    expect(
      recordsOf({ dns })
        .map((key) => key.split('/').slice(3).join('/'))
        .sort(),
    ).toEqual([
      'api/fsn/a',
      'apps/fsn/a',
      'apps/fsn/aaaa',
      'domain/a',
      'domain/aaaa',
      'gateway/fsn/a',
      'gateway/fsn/aaaa',
      'wildcard/a',
      'wildcard/aaaa',
    ]);
  });

  it("one of a cluster has none: they are the cluster's", () => {
    expect(recordsOf({ dns, cluster: { name: 'acme' } })).toEqual([]);
  });
});

describe('a region of existing machines', () => {
  const machines = ['a', 'b', 'c'].map((name, index) => ({
    name,
    address: `203.0.113.${index + 1}`,
    hostKey: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==',
    role: 'server',
  }));
  const history = new History({
    name: 'home',
    domain: 'acme.example.com',
    cloud: { provider: 'existing' },
    machines,
  });

  it('is valid', () => {
    expect(history.problems()).toEqual([]);
  });

  it('makes no cloud object, and uses the host keys of the claim', () => {
    const turns = history.settle();
    const kinds = new Set([...history.observed.values()].map(({ apiVersion }) => apiVersion));
    const first = inputOf(history.get(jobsOf(history, 'server')[0] ?? ''));

    expect([...kinds].filter((kind) => kind.includes('hetzner'))).toEqual([]);
    expect(first).toMatchObject({
      target: { address: '203.0.113.1', hostKey: expect.stringContaining('ssh-ed25519') },
    });
    expect(turns.length).toBeGreaterThan(5);
  });

  it('keeps the embedded cloud controller and local storage: nothing takes their place', () => {
    const first = inputOf(history.get(jobsOf(history, 'server')[0] ?? ''));

    expect(first).toMatchObject({ k3s: { common: { disable: ['traefik', 'servicelb'] } } });
    expect(
      objectAt({ first: JSON.parse(JSON.stringify(first)) }, 'first', 'k3s', 'common'),
    ).not.toHaveProperty('disable-cloud-controller');
  });

  it.each<readonly [string | undefined, string, string]>([
    ['10.0.0.3', '10.0.0.1', 'the machines reach each other where all have a private address'],
    [undefined, '203.0.113.1', 'between private addresses and others there may be no way'],
  ])('%s of the last machine makes it %s of the first: %s', (last, nodeAddress) => {
    const one = new History({
      name: 'home',
      domain: 'acme.example.com',
      cloud: { provider: 'existing' },
      machines: machines.map((given, index) => {
        const privateAddress = index === 2 ? last : `10.0.0.${index + 1}`;
        return { ...given, ...(privateAddress !== undefined && { privateAddress }) };
      }),
    });
    one.settle();

    expect(inputOf(one.get(jobsOf(one, 'server')[0] ?? ''))).toMatchObject({
      target: { nodeAddress },
      k3s: { node: { 'node-ip': nodeAddress } },
    });
  });

  it('lets in on every machine what the ports table says, from where it says, and takes a new machine in on all', () => {
    const first = inputOf(history.get(jobsOf(history, 'server')[0] ?? ''));
    const last = inputOf(history.get(jobsOf(history, 'server')[2] ?? ''));
    const allow = first?.operation === 'server' ? first.host?.allow : undefined;
    const addresses = ['203.0.113.1', '203.0.113.2', '203.0.113.3'];

    expect(allow).toContainEqual({ protocol: 'tcp', ports: ['2379-2380'], from: addresses });
    expect(allow).toContainEqual({ protocol: 'udp', ports: ['51871'], from: addresses });
    expect(allow).toContainEqual({ protocol: 'tcp', ports: ['10250'], from: ['10.42.0.0/16'] });
    expect(allow).toContainEqual({ protocol: 'tcp', ports: ['22'], from: ['0.0.0.0/0', '::/0'] });
    expect(first).toMatchObject({ host: { others: [] } });
    expect(last).toMatchObject({ host: { others: [{ name: 'a' }, { name: 'b' }] } });
    expect(JSON.stringify(history.get('care'))).toContain('2379-2380');
  });

  it('of which one is reached at a name is refused: K3s takes addresses', () => {
    const one = new History({
      name: 'home',
      domain: 'acme.example.com',
      cloud: { provider: 'existing' },
      machines: machines.map((given, index) =>
        index === 1 ? { ...given, address: 'b.example.com' } : given,
      ),
    });

    expect(one.turn().graph.problems).toEqual([
      {
        field: 'spec.machines[b].address',
        message: 'is "b.example.com", must be an IP address unless every machine has a privateAddress',
      },
    ]);
  });

  it('machines of a cloud keep no list of their own', () => {
    const cloud = new History();
    cloud.settle();

    expect(inputOf(cloud.get(jobsOf(cloud, 'server')[0] ?? ''))).not.toHaveProperty('host');
  });
});
