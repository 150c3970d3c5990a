/** What a person reads: steps, what they wait for since when, and what to do about it. */
import type { Condition } from './graph.ts';
import { conditionOf, textAt, type JsonObject, type Manifest } from './manifest.ts';
import { hasFailed, sinceOf } from './observed.ts';
import type { NodeState, Settled } from './settle.ts';

/** A message about one object, with advice where there is any. */
export interface Explanation {
  readonly message: string;
  readonly hint?: string;
}

/** Turns what an object says of itself into advice; undefined where it knows none. */
export type Advise = (message: string, object: Manifest) => string | undefined;

/** What the program behind an object says of its work, where there is one. */
export interface Said extends Explanation {
  /** RFC 3339. */
  readonly since: string;
}

export interface Waiting {
  /** `Kind/name` of the object. */
  readonly object: string;
  readonly step: string;
  /** The object's own time, RFC 3339. */
  readonly since?: string;
  readonly message: string;
  readonly hint?: string;
}

export interface Progress {
  /** One word; the truth is in the conditions. */
  readonly phase: 'Provisioning' | 'Ready' | 'Blocked' | 'Removing';
  readonly step: { readonly number: number; readonly of: number; readonly name: string };
  readonly waitingFor: readonly Waiting[];
  readonly conditions: readonly Condition[];
}

/** How many objects `waitingFor` names before it stops: a person reads the first. */
const MOST_WAITING = 10;
/** Characters of what an object says of itself: some providers return whole pages of an error. */
const MOST_SAID = 500;

/**
 * Progress through steps (condition types, in order) that the nodes of a graph name.
 * @param said what a program says of the object under a key; it knows more than the object's own status.
 */
export function progress(
  steps: readonly string[],
  settled: Settled,
  advise: Advise = () => undefined,
  said: (key: string) => Said | undefined = () => undefined,
): Progress {
  const states = [...settled.states.values()];
  const perStep = steps.map((name) => ({ name, states: states.filter(({ node }) => node.step === name) }));
  const pending = perStep.filter(({ states: all }) => all.some(({ ready }) => !ready));
  const current = pending[0];
  const waitingFor = pending
    .flatMap(({ name, states: all }) => all.flatMap((state) => waitingOf(name, state, settled, advise, said)))
    .slice(0, MOST_WAITING);
  const blocked = waitingFor.length === 0 && settled.unserved.length > 0;
  return {
    phase: current
      ? blocked
        ? 'Blocked'
        : 'Provisioning'
      : settled.leaving.length > 0
        ? 'Removing'
        : 'Ready',
    step: {
      number: current ? steps.indexOf(current.name) + 1 : steps.length,
      of: steps.length,
      name: current?.name ?? steps.at(-1) ?? 'Ready',
    },
    waitingFor,
    conditions: perStep.map(({ name, states: all }) => stepCondition(name, all)),
  };
}

function stepCondition(type: string, states: readonly NodeState[]): Condition {
  const waiting = states.filter(({ ready }) => !ready);
  if (waiting.length === 0) return { type, status: 'True', reason: 'Available' };
  const made = waiting.filter(({ observed }) => observed !== undefined);
  if (made.length > 0) {
    const message = `Waiting for ${waiting.length} of ${states.length}: ${few(made.map(({ node }) => node.key))}`;
    return { type, status: 'False', reason: 'Waiting', message };
  }
  const first = [...new Set(waiting.flatMap(({ blockedBy }) => blockedBy))];
  // Nothing of it exists, and nothing is in its way: it is made by this very answer.
  if (first.length === 0)
    return {
      type,
      status: 'False',
      reason: 'Waiting',
      message: `Making ${few(waiting.map(({ node }) => node.key))}`,
    };
  return { type, status: 'False', reason: 'Pending', message: `Not begun, needs ${few(first)}` };
}

function waitingOf(
  step: string,
  { observed, ready, node }: NodeState,
  { desired }: Settled,
  advise: Advise,
  said: (key: string) => Said | undefined,
): Waiting[] {
  if (ready) return [];
  if (observed === undefined) {
    const made = desired.get(node.key)?.manifest;
    return made === undefined ? [] : [beingMade(step, made)];
  }
  const object = `${observed.kind}/${observed.metadata.name ?? node.key}`;
  const since = sinceOf(observed);
  const explained = {
    ...(since !== undefined && { since }),
    ...explain(observed, advise),
    ...said(node.key),
  };
  return [{ object, step, ...explained, message: oneLine(explained.message, MOST_SAID) }];
}

/** What was asked for a moment ago and has not been seen yet: without it a person reads that nothing is waited for. */
function beingMade(step: string, { kind, metadata }: Manifest): Waiting {
  return { object: `${kind}/${metadata.name ?? ''}`, step, message: `${kind} is being made` };
}

/** What an object that is not ready says of itself. */
export function explain(object: Manifest, advise: Advise = () => undefined): Explanation {
  const message = complaintOf(object) ?? `${object.kind} is not ready yet`;
  const hint = advise(message, object);
  return { message: oneLine(message, MOST_SAID), ...(hint !== undefined && { hint }) };
}

/** A text on one line, cut where it is longer than that. */
export function oneLine(text: string, most: number): string {
  const line = text.replace(/\s+/g, ' ');
  return line.length > most ? `${line.slice(0, most - 1)}…` : line;
}

function complaintOf(object: Manifest): string | undefined {
  if (hasFailed(object)) return textAt(conditionOf(object, 'Failed'), 'message') ?? 'the Job has failed';
  for (const type of ['Synced', 'LastAsyncOperation', 'Ready']) {
    const condition = conditionOf(object, type);
    const message = textAt(condition, 'message');
    if (condition?.['status'] === 'False' && message) return message.split('\n', 1)[0];
  }
  return undefined;
}

/** `a, b, c and 4 more`: sorted, at most five names. */
export function few(names: readonly string[], most = 5): string {
  const sorted = [...names].sort();
  const rest = sorted.length - most;
  return sorted.slice(0, most).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}

/** The status fields that every kind shares. */
export function progressStatus({ phase, step, waitingFor }: Progress): JsonObject {
  return { phase, step: { ...step }, waitingFor: waitingFor.map((waiting) => ({ ...waiting })) };
}
