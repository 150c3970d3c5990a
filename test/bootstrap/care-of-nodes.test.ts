/** Care of a region whose machines are played: what is done to which of them, in what order, and what is left behind. */
import { describe, expect, it } from 'vitest';
import { EXIT, KUBECONFIG_TYPE, WINDOW_STEP } from '../../functions/bootstrap/contract.ts';
import { Failure } from '../../functions/bootstrap/failure.ts';
import { rulesText } from '../../functions/bootstrap/node/firewall.ts';
import { care } from '../../functions/bootstrap/operations/care.ts';
import type { InputOf } from '../../functions/bootstrap/run.ts';
import type { World } from '../../functions/bootstrap/runner.ts';
import { Unreachable } from '../../functions/bootstrap/ssh.ts';
import { at, isObject, objectAt, type JsonObject } from '../../functions/kernel/manifest.ts';
import { authority } from '../certificates.ts';
import { failureOf, NAMESPACE, runOn, SECRETS, target, type Scripted } from './scripted.ts';

const SNAPSHOTS = { schedule: '0 */6 * * *', retention: 5 };
const CONFIG = 'etcd-snapshot-retention: 5\netcd-snapshot-schedule-cron: 0 */6 * * *\n';
const ALLOW = [{ protocol: 'tcp' as const, ports: ['22'], from: ['192.0.2.0/24'] }];
const silence = new Unreachable('connect ETIMEDOUT');

interface Machine {
  /** Why nobody can log in. */
  refusal?: Error;
  isOutdated?: boolean;
  needsReboot?: boolean;
  /** What it refuses with once it has rebooted. */
  afterReboot?: Error;
  /** Why its pods do not go. */
  keepsPods?: Failure;
  /** One of its certificates, and the one that a restart leaves there. */
  certificate?: { readonly before: string; readonly after: string };
  /** Why it takes no firewall. */
  keepsFirewall?: Failure;
  isCordoned?: boolean;
  annotations?: JsonObject;
  boots?: number;
  isGoingDown?: boolean;
}

class Region {
  /** What was done to machines, such as `restart server-1`. */
  readonly done: string[] = [];
  /** Called in the middle of a drain. */
  onDrain: () => void = () => undefined;
  /** Why nobody is given an account. */
  keepsAccount: Failure | undefined;
  readonly #machines: Readonly<Record<string, Machine>>;

  constructor(machines: Readonly<Record<string, Machine>>) {
    this.#machines = machines;
  }

  get cordoned(): string[] {
    return Object.keys(this.#machines).filter((name) => this.#machines[name]?.isCordoned);
  }

  /** @param kept the server in the kubeconfig. */
  async care({
    kept,
    window,
    given = {},
    ...world
  }: Partial<World> & { kept?: string; window?: string; given?: Partial<InputOf<'care'>> } = {}) {
    const names = Object.keys(this.#machines);
    const scripted: Scripted = {};
    for (const name of names) Object.defineProperty(scripted, name, { get: () => this.#play(name) });
    const { run, store } = await runOn(scripted, world);
    const ref = { namespace: NAMESPACE, name: 'acme-kubeconfig' };
    if (kept !== undefined)
      await store.create(ref, {
        type: KUBECONFIG_TYPE,
        data: { kubeconfig: `server: https://${target(kept).address}:6443` },
      });
    const ending = care(run, {
      version: 1,
      operation: 'care',
      region: 'acme',
      namespace: NAMESPACE,
      result: 'acme-result',
      secrets: SECRETS,
      deadlineSeconds: 3600,
      servers: names.filter((name) => name.startsWith('server')).map(target),
      agents: names.filter((name) => name.startsWith('agent')).map(target),
      snapshots: SNAPSHOTS,
      kubeconfig: ref.name,
      certificateDays: 90,
      ...(window !== undefined && { window }),
      ...given,
    });
    return {
      ending,
      results: store.results,
      kubeconfig: async () => (await store.secret(ref))?.data['kubeconfig'],
    };
  }

  #play(name: string): Scripted[string] {
    const machine = this.#machines[name] ?? {};
    return machine.refusal ?? ((script) => this.#answer(name, machine, script));
  }

  #answer(name: string, machine: Machine, script: string): string | undefined {
    if (machine.isGoingDown === true) {
      Object.assign(machine, {
        isGoingDown: false,
        needsReboot: false,
        boots: 1,
        refusal: machine.afterReboot,
      });
      throw silence;
    }
    const [, verb = '', object = ''] = / (get|patch|drain|uncordon) (?:node )?(\S+)/.exec(script) ?? [];
    if (script.includes('kubectl')) return this.#kubectl(script, verb, object);
    if (script.includes('systemctl reboot')) {
      this.done.push(`reboot ${name}`);
      machine.isGoingDown = true;
      return '';
    }
    if (script.includes('systemctl restart')) {
      const isAsked = machine.isOutdated === true || !script.includes('echo started');
      if (isAsked) {
        this.done.push(`restart ${name}`);
        const { after } = machine.certificate ?? {};
        if (after !== undefined) machine.certificate = { before: after, after };
      }
      machine.isOutdated = false;
      return isAsked ? 'started' : '';
    }
    if (script.includes('nft list table')) {
      if (machine.keepsFirewall !== undefined) throw machine.keepsFirewall;
      this.done.push(`firewall ${name}`);
      return 'there';
    }
    if (script.includes('/etc/openova/firewall.nft')) return rulesText(ALLOW);
    if (script.includes('boot_id')) return String(machine.boots ?? 0);
    if (script.includes('reboot-required'))
      return `${machine.needsReboot === true ? 'reboot-required\n' : ''}${machine.certificate?.before ?? ''}`;
    if (script.includes('echo outdated')) return machine.isOutdated === true ? 'outdated' : '';
    if (script.includes('/etc/rancher/k3s/config.yaml')) return CONFIG;
    return script.includes('is-active') ? 'active' : undefined;
  }

  #kubectl(script: string, verb: string, object: string): string | undefined {
    const machine = this.#machines[object] ?? {};
    if (script.includes('/readyz')) return '';
    if (script.includes(' apply ') && this.keepsAccount !== undefined) throw this.keepsAccount;
    if (script.includes('openova-token'))
      return JSON.stringify({ data: { token: 'YQ==', 'ca.crt': 'YQ==' } });
    if (verb === 'drain') {
      if (machine.keepsPods !== undefined) throw machine.keepsPods;
      this.done.push(`drain ${object}`);
      machine.isCordoned = true;
      this.onDrain();
    }
    if (verb === 'uncordon') machine.isCordoned = false;
    if (verb === 'patch') {
      const read: unknown = JSON.parse(/\{.*\}/.exec(script)?.[0] ?? '');
      const patch = isObject(read) ? read : undefined;
      machine.annotations = objectAt(patch, 'metadata', 'annotations') ?? {};
      machine.isCordoned = at(patch, 'spec', 'unschedulable') === true;
      this.done.push(`${machine.isCordoned ? 'cordon' : 'uncordon'} ${object}`);
    }
    if (verb !== 'get') return undefined;
    return JSON.stringify(
      object === 'nodes'
        ? { items: Object.keys(this.#machines).map((name) => this.#node(name)) }
        : this.#node(object),
    );
  }

  #node(name: string) {
    const { isCordoned = false, annotations = {} } = this.#machines[name] ?? {};
    return {
      metadata: {
        name,
        annotations: Object.fromEntries(Object.entries(annotations).filter(([, value]) => value !== null)),
        labels: name.startsWith('server') ? { 'node-role.kubernetes.io/control-plane': 'true' } : {},
      },
      spec: isCordoned ? { unschedulable: true } : {},
      status: { conditions: ['Ready', 'EtcdIsVoter'].map((type) => ({ type, status: 'True' })) },
    };
  }
}

describe('the server in the kubeconfig', () => {
  it.each([
    ['stays for as long as it serves', {}, 'server-2'],
    ['is another one when it does not answer', { refusal: silence }, 'server-1'],
  ])('%s', async (_, second, want) => {
    const region = new Region({ 'server-1': {}, 'server-2': second, 'server-3': {} });
    const { ending, kubeconfig } = await region.care({ kept: 'server-2' });
    await ending.catch(() => undefined);
    expect(await kubeconfig()).toContain(`server: https://${target(want).address}:6443`);
  });
});

describe('a reboot', () => {
  it('of the only server ends with pods on it again, over a new connection', async () => {
    const region = new Region({ 'server-1': { needsReboot: true }, 'agent-1': {} });
    const { ending } = await region.care();
    await expect(ending).resolves.toEqual({});
    expect(region.done).toEqual([
      'cordon server-1',
      'drain server-1',
      'reboot server-1',
      'uncordon server-1',
    ]);
  });

  it('that is cut off after the drain is ended by the next care', async () => {
    const region = new Region({ 'server-1': {}, 'agent-1': { needsReboot: true } });
    const stop = new AbortController();
    region.onDrain = () => {
      stop.abort();
    };
    const { ending } = await region.care({ stop: stop.signal });
    expect(await failureOf(ending)).toMatchObject({ message: expect.stringContaining('stopped') });
    expect(region.cordoned).toEqual(['agent-1']);

    // Outside of the window, in which it may be rebooted.
    const next = await region.care({ window: 'Sun 02:00-04:00 UTC' });
    await expect(next.ending).resolves.toEqual({});
    expect(region.cordoned).toEqual([]);
  });

  it('leaves a node cordoned that somebody else has cordoned', async () => {
    const region = new Region({ 'server-1': {}, 'agent-1': { needsReboot: true, isCordoned: true } });
    const { ending } = await region.care();
    await expect(ending).resolves.toEqual({});
    expect(region.done).toEqual(['drain agent-1', 'reboot agent-1']);
    expect(region.cordoned).toEqual(['agent-1']);
  });

  it('after which it shows another host key ends at once, with both', async () => {
    const mismatch = Failure.hostKey('shows the host key SHA256:b, pinned is SHA256:a');
    const region = new Region({ 'server-1': {}, 'agent-1': { needsReboot: true, afterReboot: mismatch } });
    const { ending } = await region.care();
    expect(await failureOf(ending)).toMatchObject({ code: EXIT.hostKey, message: mismatch.message });
  });
});

describe('one machine in trouble', () => {
  const budget = Failure.timeout('a PodDisruptionBudget does not let them');
  const three = { 'server-1': {}, 'server-2': {}, 'server-3': {} };

  it('that cannot be drained keeps its pods, holds nobody up, and is said in the end', async () => {
    const region = new Region({
      'server-1': { needsReboot: true, keepsPods: budget },
      'server-2': { isOutdated: true },
      'server-3': {},
      'agent-1': { needsReboot: true },
    });
    const window = 'Thu 00:00-01:00 UTC';
    let isOpen = false;
    const { ending } = await region.care({
      window,
      progress: ({ step }) => {
        isOpen ||= step === WINDOW_STEP;
      },
      now: () => new Date(isOpen ? 3_600_000 : 0),
    });

    expect(await failureOf(ending)).toMatchObject({ message: budget.message });
    expect(region.done).toEqual([
      'restart server-2',
      'cordon server-1',
      'uncordon server-1',
      'cordon agent-1',
      'drain agent-1',
      'reboot agent-1',
      'uncordon agent-1',
    ]);
    expect(isOpen, 'others are let in').toBe(true);
  });

  it.each([
    [
      'a silent agent holds up the reboots of agents alone',
      { ...three, 'server-1': { needsReboot: true }, 'agent-1': { refusal: silence } },
      ['restart agent-2', 'cordon server-1', 'drain server-1', 'reboot server-1', 'uncordon server-1'],
    ],
    ['a silent server holds up everybody', { ...three, 'server-1': { refusal: silence } }, []],
  ])('%s', async (_, machines, want) => {
    const region = new Region({ ...machines, 'agent-2': { isOutdated: true, needsReboot: true } });
    const { ending } = await region.care();
    expect(await failureOf(ending)).toMatchObject({ code: EXIT.timeout });
    expect(region.done).toEqual(want);
  });
});

describe('what is known of certificates', () => {
  const now = () => new Date();
  const ending = async () => {
    const k3s = await authority('K3s');
    const [before, renewed] = await Promise.all([30, 365].map((days) => k3s.issue('node', { days })));
    return { before: before?.cert ?? '', renewed: renewed?.cert ?? '' };
  };
  const daysLeft = (time: string | undefined) => (Date.parse(time ?? '') - Date.now()) / 86_400_000;

  it('is read again after the restart that renews them', async () => {
    const { before, renewed } = await ending();
    const region = new Region({ 'server-1': { certificate: { before, after: renewed } } });
    const outcome = await (await region.care({ now })).ending;
    expect(region.done).toEqual(['restart server-1']);
    expect(daysLeft(outcome.certificatesExpire)).toBeGreaterThan(300);
  });

  it('is trouble when a restart does not renew them', async () => {
    const { before } = await ending();
    const region = new Region({ 'server-1': { certificate: { before, after: before } } });
    const { ending: failing } = await region.care({ now });
    expect(await failureOf(failing)).toMatchObject({
      code: EXIT.timeout,
      message: expect.stringContaining('a certificate still ends on'),
    });
  });

  it('is said also when something else has failed, in the window already', async () => {
    const { renewed } = await ending();
    const region = new Region({
      'server-1': { certificate: { before: renewed, after: renewed } },
      'agent-1': { refusal: silence },
    });
    let isOpen = false;
    const { ending: failing, results } = await region.care({
      window: 'Thu 00:00-01:00 UTC',
      progress: ({ step }) => {
        isOpen ||= step === WINDOW_STEP;
      },
      now: () => new Date(isOpen && results.at(-1)?.cause !== undefined ? 3_600_000 : 0),
    });
    const { message } = await failureOf(failing);

    expect(message).toContain('look at "agent-1"');
    const held = results.filter(({ step }) => step === WINDOW_STEP).at(-1);
    expect(held).toMatchObject({ phase: 'Running', troubled: true, cause: message });
    expect(daysLeft(held?.certificatesExpire)).toBeGreaterThan(300);
  });
});

describe('certificates, which end whatever else fails', () => {
  const refused = Failure.remote('nftables of "server-1" refuses its rules');
  const lockedOut = Failure.input('with its new firewall "server-1" does not answer any more');
  const noAccount = Failure.remote('no account is made');
  const s3 = { endpoint: 's3.test', bucket: 'acme', region: 'eu', folder: 'a' };
  const given = { allow: ALLOW };

  it.each<{
    reason: string;
    first?: Machine;
    keepsAccount?: Failure;
    given: Partial<InputOf<'care'>>;
    failure: { code: number; message: string };
    firewalls: string[];
  }>([
    {
      reason: 'a firewall that one machine refuses',
      first: { keepsFirewall: refused },
      given,
      failure: { code: EXIT.remote, message: refused.message },
      firewalls: ['firewall server-2'],
    },
    {
      reason: 'a firewall that locks us out, which no other machine is given',
      first: { keepsFirewall: lockedOut },
      given,
      failure: { code: EXIT.input, message: lockedOut.message },
      firewalls: [],
    },
    {
      reason: 'the kubeconfig',
      keepsAccount: noAccount,
      given,
      failure: { code: EXIT.remote, message: noAccount.message },
      firewalls: ['firewall server-1', 'firewall server-2'],
    },
    {
      reason: 'the keys of the store of snapshots, which are not there',
      given: { snapshots: { ...SNAPSHOTS, s3: { ...s3, secret: { namespace: NAMESPACE, name: 'none' } } } },
      failure: {
        code: EXIT.input,
        message: `there is no Secret "${NAMESPACE}/none" with the keys "accessKeyId" and "secretAccessKey"`,
      },
      firewalls: [],
    },
    {
      reason: 'the firewall and the kubeconfig, and both are said',
      first: { keepsFirewall: refused },
      keepsAccount: noAccount,
      given,
      failure: { code: EXIT.remote, message: `${noAccount.message}; ${refused.message}` },
      firewalls: ['firewall server-2'],
    },
  ])('$reason', async ({ first = {}, keepsAccount, given: more, failure, firewalls }) => {
    const region = new Region({ 'server-1': first, 'server-2': { isOutdated: true } });
    region.keepsAccount = keepsAccount;
    const { ending } = await region.care({ given: more });
    expect(await failureOf(ending)).toMatchObject(failure);
    expect(region.done).toEqual([...firewalls, 'restart server-2']);
  });

  it('but one that is stopped from outside begins nothing more', async () => {
    const stop = new AbortController();
    const region = new Region({ 'server-1': {}, 'server-2': { isOutdated: true } });
    const { ending } = await region.care({
      stop: stop.signal,
      progress: ({ step }) => {
        if (step === 'make an account') stop.abort();
      },
    });
    expect(await failureOf(ending)).toMatchObject({ message: 'stopped from outside in "make an account"' });
    expect(region.done).toEqual([]);
  });
});
