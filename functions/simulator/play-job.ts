/** The bootstrap program: what its Jobs leave behind when all goes well. */
import { Input, INPUT_ANNOTATION, ownerLabels, playedResult, RESULT_KEY } from '../bootstrap/contract.ts';
import { isTrue, objectAt, textAt, type JsonObject, type Manifest } from '../kernel/manifest.ts';
import { publicKeyFor } from './addresses.ts';
import { withCondition } from './conditions.ts';
import { update } from './fields.ts';
import { idFor, put, timeOf, type World } from './world.ts';

const PROGRAM = 'openova-bootstrap';

/**
 * The world after a Job has run: its result is written, and it is complete. One that has run before leaves what is there
 * and fills what is missing, such as Secrets that nobody wants to show.
 */
export function playedJob(world: World, job: Manifest): World {
  if (isTrue(job, 'Failed')) return world;
  const input = inputOf(job);
  const done = input === undefined ? world : write(world, input);
  if (objectAt(job, 'status')?.['succeeded'] !== undefined) return done ?? world;
  return done === undefined
    ? put(world, waiting(job, timeOf(world)))
    : put(done, complete(job, timeOf(world)));
}

function inputOf(job: Manifest): Input | undefined {
  const document = textAt(job, 'spec', 'template', 'metadata', 'annotations', INPUT_ANNOTATION);
  return document === undefined ? undefined : Input.parse(JSON.parse(document));
}

/** Undefined when the ConfigMap for the result is not there: the program may write it and not make it. */
function write(world: World, input: Input): World | undefined {
  if (!('result' in input) || input.result === undefined) return world;
  const { namespace, result, region } = input;
  const configMap = world.objects.get(
    idFor({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name: result }),
  );
  if (configMap === undefined) return undefined;
  const document = playedResult(input, timeOf(world), publicKeyFor(region));
  const told = fill(world, configMap, { [RESULT_KEY]: JSON.stringify(document) });
  if (input.operation === 'prepare') {
    const { tokens, ssh, hostKeys } = input.secrets;
    const contents = { [tokens]: ['agent', 'server'], [ssh]: ['id_ed25519'], [hostKeys]: [] };
    const labels = ownerLabels(input);
    return Object.entries(contents).reduce(
      (next, [name, keys]) => secret(next, namespace, name, keys, labels),
      told,
    );
  }
  if (input.operation !== 'kubeconfig' && input.operation !== 'care') return told;
  const written = secret(told, namespace, input.kubeconfig, ['kubeconfig']);
  return input.copy === undefined
    ? written
    : secret(written, input.copy.namespace, input.copy.name, ['kubeconfig']);
}

/** A Secret with these keys; no real value is ever rendered. */
function secret(
  world: World,
  namespace: string,
  name: string,
  keys: readonly string[],
  labels: Record<string, string> = {},
): World {
  const value = Buffer.from('rendered').toString('base64');
  const data: JsonObject = Object.fromEntries(keys.map((key) => [key, value]));
  const before = world.objects.get(idFor({ apiVersion: 'v1', kind: 'Secret', namespace, name }));
  if (before !== undefined) return fill(world, before, data);
  return put(world, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace, labels },
    type: 'Opaque',
    data,
  });
}

/** The world with data in an object under the keys that it does not have yet. */
function fill(world: World, object: Manifest, data: JsonObject): World {
  const before = objectAt(object, 'data') ?? {};
  const missing = Object.fromEntries(Object.entries(data).filter(([key]) => before[key] === undefined));
  if (Object.keys(missing).length === 0) return world;
  return put(world, update(object, { data: missing }, PROGRAM, timeOf(world), {}));
}

function complete(job: Manifest, time: string): Manifest {
  const status = { startTime: time, completionTime: time, succeeded: 1 };
  const met = ['SuccessCriteriaMet', 'Complete'];
  return met.reduce<Manifest>(
    (object, type) => withCondition(object, { type, status: 'True', reason: 'CompletionsReached' }, time),
    { ...job, status: { ...objectAt(job, 'status'), ...status } },
  );
}

function waiting(job: Manifest, time: string): Manifest {
  return { ...job, status: { startTime: time, active: 1, ...objectAt(job, 'status') } };
}
