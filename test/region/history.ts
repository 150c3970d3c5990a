/** A small history of one region: what was emitted exists and is ready, unless a test says otherwise. */
import { readResult, RESULT_KEY } from '../../functions/bootstrap/contract.ts';
import type { Graph, Problem } from '../../functions/kernel/graph.ts';
import {
  textAt,
  withField,
  type Json,
  type JsonObject,
  type Manifest,
} from '../../functions/kernel/manifest.ts';
import { CLAIM_NAME_LABEL, CLAIM_NAMESPACE_LABEL, nameFor } from '../../functions/kernel/names.ts';
import { observe } from '../../functions/kernel/observed.ts';
import { settle, type Settled } from '../../functions/kernel/settle.ts';
import type { Report } from '../../functions/kernel/graph.ts';
import { regionComposer } from '../../functions/region/index.ts';
import { RELEASE } from '../../functions/release.ts';

export const LEAST: JsonObject = {
  name: 'fsn',
  domain: 'acme.example.com',
  location: 'fsn1',
  cloud: { provider: 'hetzner', tokenSecretRef: { name: 'acme-hcloud' } },
  controlPlane: { count: 3 },
  pools: [{ name: 'general', count: 2 }],
  access: { managementCidrs: ['192.0.2.10/32'] },
};

export interface Turn {
  readonly graph: Graph;
  readonly settled: Settled;
  readonly report: Report;
  /** Keys that were emitted now and did not exist before. */
  readonly made: readonly string[];
  /** Keys that existed and were not emitted. */
  readonly dropped: readonly string[];
}

export class History {
  spec: JsonObject;
  annotations: Record<string, string> = {};
  status: JsonObject = {};
  readonly observed = new Map<string, Manifest>();
  #ids = 100;

  constructor(spec: JsonObject = LEAST) {
    this.spec = spec;
  }

  xr(): Manifest {
    return {
      apiVersion: 'platform.openova.io/v1alpha1',
      kind: 'XOpenOvaRegion',
      metadata: {
        name: 'acme-x7k2p',
        labels: { [CLAIM_NAME_LABEL]: 'acme', [CLAIM_NAMESPACE_LABEL]: 'acme-platform' },
        annotations: this.annotations,
      },
      spec: this.spec,
      status: this.status,
    };
  }

  /** The name of the object under a key. */
  name(key: string): string {
    return nameFor('acme-x7k2p', key);
  }

  problems(): readonly Problem[] {
    const parsed = regionComposer.parse(this.xr());
    return parsed.ok ? [] : parsed.problems;
  }

  /** One reconcile: what is emitted exists afterwards, what is dropped is gone. */
  turn(): Turn {
    const xr = this.xr();
    const parsed = regionComposer.parse(xr);
    if (!parsed.ok)
      throw new Error(parsed.problems.map(({ field, message }) => `${field} ${message}`).join('; '));
    const input = { xr, spec: parsed.spec, observed: observe(this.observed), required: {} };
    const graph = regionComposer.plan(input);
    const settled = settle(xr, graph, input.observed, () => true);
    const report = regionComposer.report(input, settled);
    const made = [...settled.desired.keys()].filter((key) => !this.observed.has(key));
    const dropped = [...this.observed.keys()].filter((key) => !settled.desired.has(key));
    for (const key of dropped) this.observed.delete(key);
    for (const [key, { manifest: emitted }] of settled.desired) {
      const manifest = resolved(emitted);
      const before = this.observed.get(key);
      this.observed.set(
        key,
        before ? { ...manifest, status: before['status'], ...kept(before) } : this.#born(manifest),
      );
    }
    this.status = report.status;
    return { graph, settled, report, made, dropped };
  }

  /** Turns in which something new was made or something left, in order, until there are two without. */
  settle(): Turn[] {
    const turns: Turn[] = [];
    let quiet = 0;
    for (let count = 0; count < 60; count++) {
      const turn = this.turn();
      const moves = turn.made.length + turn.dropped.length > 0;
      if (moves) turns.push(turn);
      quiet = moves ? 0 : quiet + 1;
      if (quiet === 2) return turns;
    }
    throw new Error('the region does not come to rest');
  }

  change(key: string, path: string, to: Json | undefined): void {
    const object = this.get(key);
    const changed = withField(object, path.split('.'), to);
    this.observed.set(key, {
      ...changed,
      apiVersion: object.apiVersion,
      kind: object.kind,
      metadata: object.metadata,
    });
  }

  get(key: string): Manifest {
    const object = this.observed.get(key);
    if (object === undefined) throw new Error(`nothing is observed under "${key}"`);
    return object;
  }

  /** The Job under this key has used up its tries. */
  fail(key: string): void {
    this.change(key, 'status', {
      failed: 3,
      conditions: [{ type: 'Failed', status: 'True', message: 'BackoffLimitExceeded' }],
    });
  }

  #born(manifest: Manifest): Manifest {
    const id = String(this.#ids++);
    return {
      ...manifest,
      ...(manifest.kind === 'ConfigMap' && { data: { [RESULT_KEY]: RESULT } }),
      status: {
        conditions: [{ type: 'Ready', status: 'True' }],
        ...(manifest.kind === 'Job' && { succeeded: 1 }),
        ...(manifest.kind === 'XOpenOvaPlatform' && { networkReady: true, release: RELEASE }),
        ...(manifest.kind === 'Server' && {
          atProvider: { id, ipv4Address: `203.0.113.${id}`, status: 'running' },
        }),
        ...(manifest.kind === 'LoadBalancer' && {
          atProvider: { id, ipv4: '198.51.100.1', ipv6: '2001:db8::1' },
        }),
      },
    };
  }
}

/** What a provider writes into a spec: the id of a network that is named by reference. */
function resolved(manifest: Manifest): Manifest {
  if (manifest.kind !== 'Subnet') return manifest;
  const { apiVersion, kind, metadata } = manifest;
  return { ...withField(manifest, ['spec', 'forProvider', 'networkId'], 7), apiVersion, kind, metadata };
}

function kept({ data }: Manifest): JsonObject {
  return data === undefined ? {} : { data };
}

const RESULT = JSON.stringify({
  version: 1,
  operation: 'prepare',
  phase: 'Succeeded',
  step: 'done',
  since: '2026-11-21T00:00:00Z',
  publicKey: 'ssh-ed25519 AAAA acme',
});
if (readResult(RESULT) === undefined)
  throw new Error('the result that tests play is not one of the contract');

/** The turn, counted from one, in which a key was made. */
export function madeIn(turns: readonly Turn[], key: string): number {
  return turns.findIndex(({ made }) => made.includes(key)) + 1;
}

export function idOf(server: Manifest): string {
  return textAt(server, 'status', 'atProvider', 'id') ?? '';
}

/** Keys of the Jobs of one operation, sorted. */
export function jobsOf(history: History, operation: string): string[] {
  return [...history.observed.keys()]
    .filter((key) => key.startsWith(`${operation}/`) && !key.endsWith('/result'))
    .sort();
}

/** The key of a machine of the first generation. */
export function machine(id: string): string {
  return `machine/${id}-g1`;
}

/** A region that is up, and what came of it after a change. */
export function after(change: (history: History) => void, spec: JsonObject = LEAST) {
  const history = new History(spec);
  history.settle();
  const before = new Map(history.observed);
  change(history);
  const turns = history.settle();
  return {
    history,
    before,
    turns,
    made: turns.flatMap(({ made }) => made).sort(),
    dropped: turns.flatMap(({ dropped }) => dropped).sort(),
  };
}
