/** What scenarios do and look at: claims, what is composed for them, what changed. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  at,
  conditionOf,
  isObject,
  isTrue,
  listAt,
  textAt,
  type Json,
  type JsonObject,
  type Manifest,
} from '../../functions/kernel/manifest.ts';
import { CLAIM_NAME_LABEL, KEY_ANNOTATION } from '../../functions/kernel/names.ts';
import { versionOf, type Reference } from './kube.ts';
import type { Live } from './live.ts';
import { eventually, sleep } from './processes.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');

/** Ours, those of Crossplane and Kubernetes that we compose, and the providers'. */
const GROUPS = /(openova\.io|crossplane\.io|^batch|^rbac\.authorization\.k8s\.io)\/|^v1$/;

/** As a person does it. Fails with what kubectl says. */
export async function kubectl(live: Live, ...args: readonly string[]): Promise<string> {
  const { stdout } = await run('kubectl', [...args], {
    cwd: root,
    env: { ...process.env, KUBECONFIG: live.control.kubeconfig },
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
}

/** Waits until a claim satisfies a condition. */
export async function until(
  live: Live,
  claim: Reference,
  what: string,
  seconds: number,
  holds: (claim: Manifest) => boolean,
): Promise<Manifest> {
  try {
    return await eventually(what, seconds, async () => {
      await live.check();
      const found = await live.kube.need(claim);
      return holds(found) ? found : undefined;
    });
  } catch (error) {
    const unready = (await composed(live, claim.name)).filter((object) => !isTrue(object, 'Ready'));
    const said = unready.map(
      (object) => `${nameOf(object)}: ${JSON.stringify(at(object, 'status', 'conditions'))}`,
    );
    const why = error instanceof Error ? error.message : String(error);
    throw new Error([why, ...live.machines.problems, ...said].join('\n'), { cause: error });
  }
}

/** Ready, and nothing of what was asked for is still to be looked at. */
export function isReadyClaim(claim: Manifest): boolean {
  return isTrue(claim, 'Ready') && isTrue(claim, 'Synced') && isTrue(claim, 'InputValid');
}

export function inputMessage(claim: Manifest): string {
  return textAt(conditionOf(claim, 'InputValid'), 'message') ?? '';
}

/** Everything that is composed for a claim, at any depth. */
export async function composed(live: Live, claimName: string): Promise<Manifest[]> {
  const kinds = (await live.kube.kinds()).filter(({ apiVersion }) => GROUPS.test(apiVersion));
  const found: Manifest[] = [];
  for (const { apiVersion, kind } of kinds) {
    if (apiVersion.startsWith('apiextensions.crossplane.io') || kind === 'Event') continue;
    found.push(...(await live.kube.list(apiVersion, kind, { [CLAIM_NAME_LABEL]: claimName })));
  }
  return found.filter(
    (object) => at(object, 'metadata', 'annotations', KEY_ANNOTATION) !== undefined || isRoot(object),
  );
}

function isRoot(object: Manifest): boolean {
  return at(object, 'spec', 'claimRef') !== undefined;
}

export function nameOf(object: Manifest): string {
  const { kind, metadata } = object;
  return `${kind} ${metadata.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata.name ?? ''}`;
}

/** What Crossplane has applied of each object, by name and uid: the entry of its own field manager. */
export function owned(objects: readonly Manifest[]): Map<string, Json> {
  return new Map(
    objects.map((object) => {
      const entry = listAt(object, 'metadata', 'managedFields')
        .filter(isObject)
        .find((one) => (textAt(one, 'manager') ?? '').startsWith('apiextensions.crossplane.io/composed'));
      const fields = entry?.['fieldsV1'];
      const key = `${nameOf(object)} ${textAt(object, 'metadata', 'uid') ?? ''}`;
      return [key, fields === undefined ? null : valuesOf(object, fields)];
    }),
  );
}

/** The values at those fields, so that a changed value shows too. */
function valuesOf(object: Json | undefined, fields: Json): Json {
  if (!isObject(fields)) return object ?? null;
  const inner = Object.keys(fields).filter((key) => key !== '.');
  // Of lists that several write to, the whole counts.
  if (inner.length === 0 || inner.some((key) => !key.startsWith('f:'))) return object ?? null;
  return Object.fromEntries(
    Object.entries(fields)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, within]) => [key, valuesOf(at(object, key.slice(2)), within ?? null)]),
  );
}

/** resourceVersion of each object. */
export function versions(objects: readonly Manifest[]): Map<string, string> {
  return new Map(objects.map((object) => [nameOf(object), versionOf(object)]));
}

/** Changes to a claim's spec, as `kubectl patch --type merge`. */
export async function edit(live: Live, claim: Reference, spec: JsonObject): Promise<void> {
  await live.kube.patch(claim, { spec });
}

/** One line per moment at which the claim says something new, until it is ready. */
export async function timeline(live: Live, claim: Reference, seconds: number): Promise<string[]> {
  const begun = Date.now();
  const lines: string[] = [];
  let last = '';
  while (Date.now() - begun < seconds * 1000) {
    const found = await live.kube.need(claim);
    const waiting = listAt(found, 'status', 'waitingFor').map(
      (one) => `${textAt(one, 'object') ?? ''} ${textAt(one, 'message') ?? ''}`,
    );
    const state = `${textAt(found, 'status', 'step', 'name') ?? '-'}: ${isReadyClaim(found) ? 'Ready' : (waiting[0] ?? '-')}`;
    if (state !== last)
      lines.push(`${String(Math.round((Date.now() - begun) / 1000)).padStart(4)} s  ${state}`);
    last = state;
    if (isReadyClaim(found)) return lines;
    await sleep(500);
  }
  throw new Error(['not ready in time', ...lines, ...live.machines.problems].join('\n'));
}
