/** What needs a clock, which a function has not: certificates, reboots and the maintenance window are for a CronJob. */
import type { Input } from '../bootstrap/contract.ts';
import { parseWindow } from '../bootstrap/window.ts';
import type { Node } from '../kernel/graph.ts';
import { nameFor, sha256, SYSTEM_NAMESPACE } from '../kernel/names.ts';
import { kubeconfigCopy } from './access.ts';
import { joinedTargets, snapshots } from './bootstrap.ts';
import { allowOf } from './host.ts';
import { attemptAt, common, jobSpec, mayWrite, type Task } from './jobs.ts';
import { CARE_RESULT } from './maintenance.ts';
import type { Region } from './region.ts';

const STEP = 'KubernetesReady';

/** A certificate of K3s lasts a year and is renewed at a start with less than 120 days left. Source: docs.k3s.io, 2026-11. */
const CERTIFICATE_DAYS = 90;

/** Seconds that one look may take, but for the time that a window is open. */
const WORK = 3 * 3600;

/** The CronJob, from when every machine has joined once, and the ConfigMap for what it says. */
export function planCare(region: Region, tasks: readonly Task[]): Node[] {
  const { xrName, spec, jobs } = region;
  const joined = tasks
    .filter(({ key }) => /^(server|agent|kubeconfig)\//.test(key))
    .map(({ key }) => attemptAt(jobs, key));
  return [
    {
      key: CARE_RESULT,
      step: STEP,
      scales: true,
      after: joined,
      manifest: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: SYSTEM_NAMESPACE } },
    },
    {
      key: 'care',
      step: STEP,
      scales: true,
      // Program and input belong together, and are those of the release that runs.
      live: ['spec.schedule'],
      after: [
        ...joined,
        CARE_RESULT,
        'service-account',
        mayWrite(nameFor(xrName, CARE_RESULT)),
        'role-binding',
      ],
      manifest: {
        apiVersion: 'batch/v1',
        kind: 'CronJob',
        metadata: { namespace: SYSTEM_NAMESPACE },
        spec: {
          // Every hour, and so at the beginning of every window.
          schedule: `${minuteOf(xrName, spec.maintenance.window)} * * * *`,
          timeZone: 'Etc/UTC',
          concurrencyPolicy: 'Forbid',
          successfulJobsHistoryLimit: 1,
          failedJobsHistoryLimit: 1,
          jobTemplate: { spec: jobSpec(region.xr, careInput(region)) },
        },
      },
    },
  ];
}

/** Without a window regions look at different minutes. */
function minuteOf(xrName: string, window: string | undefined): number {
  return window === undefined ? parseInt(sha256(xrName, 4), 16) % 60 : parseWindow(window).opens % 60;
}

function careInput(region: Region): Input {
  const { xr, xrName, spec } = region;
  const { window } = spec.maintenance;
  const copy = kubeconfigCopy(xr, spec);
  const allow = allowOf(region);
  const open = window === undefined ? 0 : parseWindow(window).minutes * 60;
  return {
    ...common(xr, 'care', 'care'),
    operation: 'care',
    deadlineSeconds: WORK + open,
    servers: joinedTargets(region, 'server'),
    agents: joinedTargets(region, 'agent'),
    snapshots: snapshots(region),
    ...(allow && { allow }),
    ...(window !== undefined && { window }),
    kubeconfig: nameFor(xrName, 'kubeconfig'),
    ...(copy && { copy }),
    certificateDays: CERTIFICATE_DAYS,
  };
}
