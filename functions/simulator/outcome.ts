/**
 * What core writes into a composite's status after a reconcile (crossplane v2.4.0
 * internal/controller/apiextensions/composite/reconciler.go, read 2026-11-21).
 */
import {
  Ready,
  Severity,
  Status,
  Target,
  type Condition,
  type RunFunctionResponse,
} from '@crossplane-org/function-sdk-typescript';
import { isObject, listAt, objectAt, type JsonObject, type Manifest } from '../kernel/manifest.ts';
import { withCondition } from './conditions.ts';
import { admitted, definitionOf, type Definition } from './definitions.ts';

/** What core tells a person through events. */
export interface Event {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** The step of our Compositions' pipelines. */
export const STEP = 'openova';

export function eventsOf({ results }: RunFunctionResponse): Event[] {
  return results.map(({ severity, message, reason }) => ({
    type: severity === Severity.SEVERITY_NORMAL ? 'Normal' : 'Warning',
    reason: reason === undefined || reason === '' ? 'ComposeResources' : reason,
    message: `Pipeline step "${STEP}": ${message}`,
  }));
}

/** Keys of resources that are not ready, and of those that the API server found invalid. */
export interface Lacking {
  readonly unready: readonly string[];
  readonly unsynced: readonly string[];
}

/** The composite with the status that the function gave, its conditions, and Crossplane's own. */
export function withOutcome(
  definitions: readonly Definition[],
  xr: Manifest,
  response: RunFunctionResponse,
  { unready, unsynced }: Lacking,
  time: string,
): Manifest {
  const desired: unknown = response.desired?.composite?.resource?.['status'];
  const kept = Object.entries(objectAt(xr, 'status') ?? {}).filter(([name]) => CORE_STATUS.includes(name));
  const next: Manifest = {
    ...xr,
    status: { ...(isObject(desired) ? desired : {}), ...Object.fromEntries(kept) },
  };
  const definition = definitionOf(definitions, xr);
  const given: Manifest =
    definition === undefined ? next : { ...next, status: admitted(next, definition)['status'] };
  const told = withGiven(withSystem(given, RESPONSIVE, time), response.conditions, time);
  return withSystem(withSystem(told, synced(unsynced), time), readiness(response, unready), time);
}

/** The composite after a failure: of the function's conditions only what it said before is still known. */
export function withFailure(
  xr: Manifest,
  message: string,
  conditions: readonly Condition[],
  time: string,
): Manifest {
  const failed = withSystem(xr, { type: 'Synced', status: 'False', reason: 'ReconcileError', message }, time);
  const seen = [...SYSTEM, ...conditions.map(({ type }) => type)];
  return listAt(failed, 'status', 'conditions')
    .filter(isObject)
    .filter(({ type }) => typeof type === 'string' && !seen.includes(type))
    .reduce<Manifest>(
      (object, { type }) => withCondition(object, { type, ...UNKNOWN }, time),
      withGiven(failed, conditions, time),
    );
}

/** The composite while somebody has paused it. */
export function withPause(xr: Manifest, time: string): Manifest {
  const message = 'Reconciliation is paused via the pause annotation';
  return withSystem(xr, { type: 'Synced', status: 'False', reason: 'ReconcilePaused', message }, time);
}

const CORE_STATUS = ['claimConditionTypes', 'conditions', 'connectionDetails', 'lastHandledReconcileAt'];
/** Crossplane's own: a function that sets one of them is ignored (apis/v2 core/v2/condition.go). */
const SYSTEM = ['Healthy', 'Ready', 'Responsive', 'Synced', 'UpToDate'];
const RESPONSIVE: JsonObject = { type: 'Responsive', status: 'True', reason: 'WatchCircuitClosed' };
const UNKNOWN: JsonObject = {
  status: 'Unknown',
  reason: 'FatalError',
  message: 'A fatal error occurred before the status of this condition could be determined.',
};

const STATUS: Readonly<Record<Status, string>> = {
  [Status.STATUS_CONDITION_TRUE]: 'True',
  [Status.STATUS_CONDITION_FALSE]: 'False',
  [Status.STATUS_CONDITION_UNKNOWN]: 'Unknown',
  [Status.STATUS_CONDITION_UNSPECIFIED]: 'Unknown',
  [Status.UNRECOGNIZED]: 'Unknown',
};

function withSystem(xr: Manifest, condition: JsonObject, time: string): Manifest {
  const generation = xr.metadata['generation'];
  return withCondition(
    xr,
    { ...condition, ...(generation !== undefined && { observedGeneration: generation }) },
    time,
  );
}

function withGiven(xr: Manifest, conditions: readonly Condition[], time: string): Manifest {
  return conditions
    .filter(({ type }) => !SYSTEM.includes(type))
    .reduce<Manifest>((object, { type, status, reason, message, target }) => {
      const condition = { type, status: STATUS[status], reason, ...(message && { message }) };
      const next = withCondition(object, condition, time);
      const types = listAt(next, 'status', 'claimConditionTypes');
      if (target !== Target.TARGET_COMPOSITE_AND_CLAIM || types.includes(type)) return next;
      return { ...next, status: { ...objectAt(next, 'status'), claimConditionTypes: [...types, type] } };
    }, xr);
}

function synced(unsynced: readonly string[]): JsonObject {
  if (unsynced.length === 0) return { type: 'Synced', status: 'True', reason: 'ReconcileSuccess' };
  const message = `Unsynced resources: ${firstFew(unsynced)}`;
  return { type: 'Synced', status: 'False', reason: 'ReconcileError', message };
}

/** What the function says of the composite wins over what it says of the resources. */
function readiness(response: RunFunctionResponse, unready: readonly string[]): JsonObject {
  const available = { type: 'Ready', status: 'True', reason: 'Available' };
  const creating = { type: 'Ready', status: 'False', reason: 'Creating' };
  const said = response.desired?.composite?.ready ?? Ready.READY_UNSPECIFIED;
  if (said === Ready.READY_TRUE) return available;
  if (said === Ready.READY_FALSE) return creating;
  return unready.length === 0
    ? available
    : { ...creating, message: `Unready resources: ${firstFew(unready)}` };
}

const MOST_NAMED = 3;

function firstFew(names: readonly string[]): string {
  const ordered = [...names].sort();
  const rest = ordered.length - MOST_NAMED;
  const shown = ordered.slice(0, MOST_NAMED).join(', ');
  return rest > 0 ? `${shown}, and ${rest} more` : shown;
}
