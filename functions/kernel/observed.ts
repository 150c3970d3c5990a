import { conditionOf, isTrue, numberAt, textAt, type Manifest } from './manifest.ts';
import { NODE_LABEL } from './names.ts';

/** What exists: the composed resources as Crossplane observed them, by key. */
export interface Observed {
  get(key: string): Manifest | undefined;
  /** Whether the object under this key says of itself that it is ready. */
  isReady(key: string): boolean;
  /** Keys and objects that carry our label, in the order of their keys; other pipeline steps' are theirs. */
  readonly ours: readonly (readonly [string, Manifest])[];
}

export function observe(resources: ReadonlyMap<string, Manifest>): Observed {
  const ours = [...resources]
    .filter(([, object]) => textAt(object, 'metadata', 'labels', NODE_LABEL) !== undefined)
    .sort(([left], [right]) => (left < right ? -1 : 1));
  return {
    get: (key) => resources.get(key),
    isReady: (key) => {
      const object = resources.get(key);
      return object !== undefined && isReady(object);
    },
    ours,
  };
}

/** Kinds that are of use as soon as they exist and never report a condition. */
const READY_BY_EXISTING = new Set([
  'ConfigMap',
  'CronJob',
  'Namespace',
  'ProviderConfig',
  'Role',
  'RoleBinding',
  'Secret',
  'ServiceAccount',
]);

/** Readiness as the kind itself reports it: a Job by success, most others by the condition Ready. */
export function isReady(object: Manifest): boolean {
  if (READY_BY_EXISTING.has(object.kind)) return true;
  if (object.kind === 'Job') return (numberAt(object, 'status', 'succeeded') ?? 0) > 0;
  return isTrue(object, 'Ready');
}

/** Whether a Job has given up: its own retries are used up. */
export function hasFailed(job: Manifest): boolean {
  return isTrue(job, 'Failed');
}

/** When the object last changed its mind about being ready, by its own clock: RFC 3339. */
export function sinceOf(object: Manifest): string | undefined {
  return (
    textAt(conditionOf(object, 'Ready'), 'lastTransitionTime') ??
    textAt(object, 'status', 'startTime') ??
    textAt(object, 'metadata', 'creationTimestamp')
  );
}
