/** Claims living on a control plane, turn by turn, with everything that was asked and answered. */
import type { RunFunctionRequest, RunFunctionResponse } from '@crossplane-org/function-sdk-typescript';
import { KINDS } from '../../../functions/apis/kinds.ts';
import { compositeResourceDefinition } from '../../../functions/apis/xrd.ts';
import { runFunction } from '../../../functions/functions.ts';
import {
  isObject,
  listAt,
  objectAt,
  type JsonObject,
  type Manifest,
} from '../../../functions/kernel/manifest.ts';
import { KEY_ANNOTATION, NODE_LABEL } from '../../../functions/kernel/names.ts';
import { syncClaims } from '../../../functions/simulator/claims.ts';
import { readDefinitions } from '../../../functions/simulator/definitions.ts';
import { play } from '../../../functions/simulator/play.ts';
import { reconcile } from '../../../functions/simulator/reconcile.ts';
import type { IsServed } from '../../../functions/simulator/request.ts';
import { compositesIn } from '../../../functions/simulator/simulate.ts';
import { EMPTY, put, type World } from '../../../functions/simulator/world.ts';

/** Our kinds as the API server knows them. */
export const DEFINITIONS = readDefinitions(KINDS.map(compositeResourceDefinition));

export type Run = (request: RunFunctionRequest) => RunFunctionResponse;

/** One reconcile of one composite: what was asked last, what was answered, what came of it. */
export interface Step {
  /** The composite's id. */
  readonly id: string;
  readonly before: World;
  readonly after: World;
  readonly request: RunFunctionRequest;
  readonly response: RunFunctionResponse;
}

export interface Options {
  readonly run?: Run;
  readonly isServed?: IsServed;
}

/** A world that goes on. Every request is frozen before a function sees it: functions are pure. */
export class Life {
  world: World;
  readonly steps: Step[] = [];
  /** Why core could not do what it was told, each time. */
  readonly failures: string[] = [];
  readonly #options: Options;
  /** What each composite's function was shown last: shown again, it changes nothing. */
  readonly #inputs = new Map<string, readonly Manifest[]>();

  constructor(world: World, options: Options = {}) {
    this.world = world;
    this.#options = options;
  }

  /** Every composite is reconciled once, parents first. The steps of this turn alone. */
  async turn(): Promise<readonly Step[]> {
    const { run = runFunction, isServed } = this.#options;
    const first = this.steps.length;
    this.world = syncClaims(this.world, DEFINITIONS);
    for (const id of compositesIn({ definitions: DEFINITIONS }, this.world)) {
      const before = this.world;
      let asked: RunFunctionRequest | undefined;
      const call = (request: RunFunctionRequest) => {
        asked = frozen(request);
        return Promise.resolve(plain(run(asked)));
      };
      const setup = { definitions: DEFINITIONS, call, isServed };
      const done = await reconcile(setup, before, id, this.#inputs.get(id));
      this.world = done.world;
      if (done.error !== undefined) this.failures.push(`${id}: ${done.error}`);
      if (done.inputs !== undefined) this.#inputs.set(id, done.inputs);
      if (asked !== undefined && done.response !== undefined)
        this.steps.push({ id, before, after: this.world, request: asked, response: done.response });
    }
    this.world = syncClaims(this.world, DEFINITIONS);
    return this.steps.slice(first);
  }

  /** A minute passes: providers and Kubernetes play their part. */
  pass(): void {
    this.world = play(DEFINITIONS, this.world);
  }

  /** A turn and the minute after it, so many times. */
  async live(turns: number): Promise<void> {
    for (let count = 0; count < turns; count += 1) {
      await this.turn();
      this.pass();
    }
  }

  /** Turns and minutes until nothing changes any more; whether it came to rest. */
  async rest(most = 60): Promise<boolean> {
    for (let count = 0; count < most; count += 1) {
      const { objects } = this.world;
      await this.turn();
      this.pass();
      if (this.world.objects === objects) return true;
    }
    return false;
  }
}

/** A world with claims, and the Secrets that they name. */
export function worldWith(documents: readonly Manifest[]): World {
  return [...documents, ...secretsOf(documents)].reduce(put, EMPTY);
}

const SECRET_KEYS = [
  'token',
  'accessKeyId',
  'secretAccessKey',
  'serviceAccount',
  'clientSecret',
  'accountName',
  'accountKey',
];

/** Secrets in the claims' namespaces, with every key that any provider wants. */
function secretsOf(documents: readonly Manifest[]): Manifest[] {
  const named = (value: unknown): string[] => {
    if (Array.isArray(value)) return value.flatMap(named);
    if (!isObject(value)) return [];
    return Object.entries(value).flatMap(([field, child]) =>
      /[sS]ecretRef$/.test(field) && isObject(child) && typeof child['name'] === 'string'
        ? [child['name']]
        : named(child),
    );
  };
  return documents.flatMap((document) =>
    [...new Set(named(document['spec']))].map((name) => secret(document.metadata.namespace ?? '', name)),
  );
}

export function secret(namespace: string, name: string): Manifest {
  const value = Buffer.from('a value of a test').toString('base64');
  const data: JsonObject = Object.fromEntries(SECRET_KEYS.map((key) => [key, value]));
  return { apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name }, type: 'Opaque', data };
}

/** What happened from an empty control plane until the claims were ready. */
export interface Childhood {
  readonly documents: readonly Manifest[];
  /** The world after each minute; the last one is at rest. */
  readonly worlds: readonly World[];
  readonly steps: readonly Step[];
  readonly failures: readonly string[];
}

const childhoods = new Map<string, Promise<Childhood>>();

/** Builds everything that claims ask for; once, however often it is asked. */
export function childhoodOf(documents: readonly Manifest[], options: Options = {}): Promise<Childhood> {
  const key = JSON.stringify(documents);
  const known = Object.keys(options).length === 0 ? childhoods.get(key) : undefined;
  if (known !== undefined) return known;
  const made = grow(documents, options);
  if (Object.keys(options).length === 0) childhoods.set(key, made);
  return made;
}

const MOST_MINUTES = 120;

async function grow(documents: readonly Manifest[], options: Options): Promise<Childhood> {
  const life = new Life(worldWith(documents), options);
  const worlds: World[] = [];
  for (let minute = 0; minute < MOST_MINUTES; minute += 1) {
    const { objects } = life.world;
    await life.turn();
    life.pass();
    worlds.push(life.world);
    if (life.world.objects === objects)
      return { documents, worlds, steps: life.steps, failures: life.failures };
  }
  throw new Error('what the claims ask for does not come to rest');
}

/** Objects that a composite holds, by key: those that carry our label. */
export function observedIn({ observed }: RunFunctionRequest): ReadonlyMap<string, Manifest> {
  return new Map(
    Object.entries(observed?.resources ?? {}).flatMap(([key, { resource }]): [string, Manifest][] => {
      const object = manifest(resource);
      return object?.metadata.labels?.[NODE_LABEL] === undefined ? [] : [[key, object]];
    }),
  );
}

/** What a response desires, by key. */
export function desiredIn({ desired }: RunFunctionResponse): ReadonlyMap<string, Manifest> {
  return new Map(
    Object.entries(desired?.resources ?? {}).flatMap(([key, { resource }]): [string, Manifest][] => {
      const object = manifest(resource);
      return object === undefined ? [] : [[key, object]];
    }),
  );
}

export function compositeOf({ observed }: RunFunctionRequest): Manifest {
  const xr = manifest(observed?.composite?.resource);
  if (xr === undefined) throw new Error('a request without a composite');
  return xr;
}

/** Every composed object of ours in a world, by id. */
export function composedIn(world: World): ReadonlyMap<string, Manifest> {
  return new Map([...world.objects].filter(([, object]) => keyOf(object) !== undefined));
}

export function keyOf(object: Manifest): string | undefined {
  return object.metadata.annotations?.[KEY_ANNOTATION];
}

export function conditionsOf(object: Manifest): readonly JsonObject[] {
  return listAt(object, 'status', 'conditions').filter(isObject);
}

function manifest(value: unknown): Manifest | undefined {
  return isComplete(value) ? value : undefined;
}

function isComplete(value: unknown): value is Manifest {
  return isObject(value) && typeof value['kind'] === 'string' && objectAt(value, 'metadata') !== undefined;
}

const known = new WeakSet<object>();

/** The same value, in which nothing can be changed any more. */
export function frozen<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || known.has(value) || ArrayBuffer.isView(value))
    return value;
  known.add(value);
  for (const child of Object.values(value)) frozen(child);
  return Object.freeze(value);
}

/** The response as it is after the wire: without fields that are undefined. */
function plain(response: RunFunctionResponse): RunFunctionResponse {
  const resources = Object.entries(response.desired?.resources ?? {}).map(
    ([key, one]) => [key, { ...one, resource: json(one.resource) }] as const,
  );
  const composite = response.desired?.composite;
  return {
    ...response,
    desired: {
      resources: Object.fromEntries(resources),
      composite: composite && { ...composite, resource: json(composite.resource) },
    },
  };
}

function json(value: Record<string, unknown> | undefined): Record<string, unknown> | undefined {
  const copy: unknown = JSON.parse(JSON.stringify(value ?? {}));
  return isObject(copy) ? copy : undefined;
}
