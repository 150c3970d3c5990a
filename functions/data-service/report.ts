/** What a person reads of a data service. */
import type { DataServiceSpec } from '../apis/data-service.ts';
import type { Condition, Input, Report } from '../kernel/graph.ts';
import { at, conditionOf, isManifest, objectAt, type JsonObject } from '../kernel/manifest.ts';
import { sinceOf } from '../kernel/observed.ts';
import { explain, few, progress, type Waiting } from '../kernel/report.ts';
import type { NodeState, Settled } from '../kernel/settle.ts';
import { estimateStatus } from '../pricing/estimate.ts';
import { RELEASE } from '../release.ts';
import { archiveOf, CHART, isArchive } from './archive.ts';
import { connectionKey } from './connection.ts';
import { claimOf } from './discover.ts';
import type { Engine, Reading } from './engines/engine.ts';
import { estimateOfService } from './estimate.ts';
import { isServed, type Missing, type Site } from './home.ts';
import { advise } from './hints.ts';

/** Steps in their order: condition types. */
export const STEPS = [
  'RegionFound',
  'OperatorReady',
  'PrimaryReady',
  'ConnectionReady',
  'BackupReady',
  'Protected',
] as const;

/** The report while there is no region to read anything from: what was known stays. */
export function reportMissing(
  { xr }: Input<DataServiceSpec>,
  settled: Settled,
  missing: Missing | undefined,
): Report {
  const message = missing?.message ?? 'The input is not valid';
  const former = objectAt(xr, 'status') ?? {};
  const made = [...settled.desired.keys()].length > 0;
  return {
    status: {
      ...Object.fromEntries(
        ['endpoints', 'activeRegion', 'version', 'backup', 'connectionSecretRef', 'estimate'].flatMap(
          (field) => (former[field] === undefined ? [] : [[field, former[field]]]),
        ),
      ),
      phase: 'Waiting',
      step: { number: 1, of: STEPS.length, name: STEPS[0] },
      waitingFor: missing ? [{ object: missing.object, step: STEPS[0], message }] : [],
    },
    conditions: [
      { type: STEPS[0], status: 'False', reason: 'NotFound', message },
      ...STEPS.slice(1).map((type): Condition => {
        const known = made
          ? 'Everything of the service stays as it is'
          : 'Nothing of the service is made yet';
        return { type, status: 'Unknown', reason: 'RegionNotFound', message: known };
      }),
    ],
  };
}

/** The report of a service whose region is known. */
export function reportSite(site: Site, engine: Engine, settled: Settled): Report {
  const { spec, home } = site;
  const reading = engine.read(site, settled);
  const { conditions: made, phase } = progress(STEPS, settled, advise);
  const conditions = made.map((condition): Condition => {
    if (condition.type === 'RegionFound') return regionFound(site);
    if (condition.type === 'OperatorReady') return operatorReady(site, engine);
    if (condition.type === 'BackupReady') return backupReady(site, condition, reading);
    return condition;
  });
  const open = conditions.findIndex(({ status, reason }) => status !== 'True' && !WITHOUT_BACKUP.has(reason));
  const secret = spec.connectionSecret.name;
  return {
    status: {
      phase,
      step: {
        number: open < 0 ? STEPS.length : open + 1,
        of: STEPS.length,
        name: STEPS[open < 0 ? STEPS.length - 1 : open] ?? '',
      },
      waitingFor: waitingFor(site, engine, settled).map((waiting) => ({ ...waiting })),
      activeRegion: home.region,
      ...(reading.version !== undefined && { version: reading.version }),
      ...(reading.endpoints && { endpoints: { ...reading.endpoints } }),
      ...(settled.states.get(connectionKey(secret))?.ready && { connectionSecretRef: { name: secret } }),
      ...backupStatus(site, reading),
      estimate: estimateStatus(estimateOfService(site)),
    },
    conditions: [...conditions, updateAvailable(site, engine, settled)],
  };
}

function regionFound({ home }: Site): Condition {
  const message = `Region "${home.region}" (XOpenOvaRegion "${home.providerConfig}")`;
  return { type: 'RegionFound', status: 'True', reason: 'Found', message };
}

/** Operators that the service needs and its region does not say are ready. */
function missingOperators(site: Site, engine: Engine): string[] {
  const needed = [engine.operator, ...(isArchive(archiveOf(site)) ? [engine.backupOperator] : [])];
  return needed.filter((operator) => !isServed(site, operator));
}

function operatorReady(site: Site, engine: Engine): Condition {
  const missing = missingOperators(site, engine);
  const type = 'OperatorReady';
  if (missing.length === 0) return { type, status: 'True', reason: 'Available' };
  const message = `Region "${site.home.region}" does not have ${few(missing)} ready`;
  return { type, status: 'False', reason: 'Waiting', message };
}

/** Reasons of BackupReady that no waiting changes: the claims ask for nothing else. */
const WITHOUT_BACKUP: ReadonlySet<string> = new Set(['Disabled', 'NoArchivalStore', 'NoEndpoint']);

function backupReady(site: Site, made: Condition, { archiving }: Reading): Condition {
  const archive = archiveOf(site);
  const type = 'BackupReady';
  if (!isArchive(archive)) return { type, status: 'False', ...archive };
  if (made.status !== 'True') return made;
  if (archiving?.works === true) return { type, status: 'True', reason: 'Archiving' };
  return {
    type,
    status: 'False',
    reason: archiving === undefined ? 'Waiting' : 'NotArchiving',
    message: archiving?.message ?? 'Nothing has been written to the archival store yet',
  };
}

function backupStatus(site: Site, { backup }: Reading): JsonObject {
  const archive = archiveOf(site);
  if (!isArchive(archive)) return {};
  return { backup: { ...backup, destination: `${archive.destination}/${archive.incarnation}` } };
}

function waitingFor(site: Site, engine: Engine, settled: Settled): Waiting[] {
  const operators = missingOperators(site, engine);
  const { platform } = site.home;
  const claim = claimOf(site.spec);
  return [
    ...(operators.length > 0
      ? [
          {
            object: platform
              ? `${platform.kind}/${platform.metadata.name ?? ''}`
              : `${claim.kind}/${claim.name}`,
            step: 'OperatorReady',
            message: `Region "${site.home.region}" does not have ${few(operators)} ready`,
            ...(site.home.older && { hint: hintOfRelease(claim) }),
          },
        ]
      : []),
    ...[...settled.states.values()].flatMap((state) => waitingOf(state, engine)),
  ];
}

/** What to do where an operator does not come because a newer package adds nothing to the release that runs. */
function hintOfRelease({ kind, name }: { readonly kind: string; readonly name: string }): string {
  return `The region runs another release than the installed "${RELEASE}", and nothing new is added to it: set spec.platform.release of ${kind} "${name}" to "${RELEASE}"`;
}

function waitingOf({ node, observed, ready }: NodeState, engine: Engine): Waiting[] {
  if (ready || observed === undefined) return [];
  const inside = at(observed, 'status', 'atProvider', 'manifest');
  const doing = isManifest(inside) ? engine.doing(inside) : undefined;
  const complains = conditionOf(observed, 'Synced')?.['status'] === 'False';
  const { message, hint } = explain(observed, advise);
  const since = sinceOf(observed);
  return [
    {
      object: `${observed.kind}/${observed.metadata.name ?? node.key}`,
      step: node.step ?? '',
      ...(since !== undefined && { since }),
      message: complains ? message : (doing ?? message),
      ...(hint !== undefined && { hint }),
    },
  ];
}

/** Whether the installed package would change what runs, if the region went to its release. */
function updateAvailable({ spec, home }: Site, { packaged }: Engine, { outdated }: Settled): Condition {
  const type = 'UpdateAvailable';
  const keys = [...outdated]
    .filter(([, paths]) => paths.some((path) => path === CHART || packaged.includes(path)))
    .map(([key]) => key);
  if (!home.older || keys.length === 0) return { type, status: 'False', reason: 'UpToDate' };
  const claim = claimOf(spec);
  const message = `Release "${RELEASE}" would change ${few(keys)}; set spec.platform.release of ${claim.kind} "${claim.name}" to "${RELEASE}" to take it`;
  return { type, status: 'True', reason: 'NewerRelease', message };
}
