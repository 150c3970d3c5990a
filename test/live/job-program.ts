/** Pods of Jobs, run as child processes: our program itself, with its input and the account of the Job. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { INPUT_ANNOTATION, INPUT_FILE } from '../../functions/bootstrap/contract.ts';
import { isObject, listAt, numberAt, textAt, type Manifest } from '../../functions/kernel/manifest.ts';
import { accountFile } from './crossplane.ts';
import type { Kube } from './kube.ts';
import { runToEnd, sleep } from './processes.ts';

const root = join(import.meta.dirname, '../..');
/** Kubernetes waits ten seconds, then twenty. */
const BETWEEN_TRIES_MS = 3000;
/**
 * Machines of tests are up in a second, and of one that lets nobody in a Job's three tries would take half an hour: whoever
 * starts the program may say how long SSH is worth waiting for (docs/bootstrap.md).
 */
const PATIENCE = { OPENOVA_SSH_SECONDS: '30' };

export interface Ended {
  /** How often it was tried without success. */
  readonly failed: number;
  /** Why the Job gave up, in the words of Kubernetes; left out when it succeeded. */
  readonly reason?: 'BackoffLimitExceeded' | 'PodFailurePolicy';
}

interface Place {
  readonly folder: string;
  readonly logs: string;
}

/** Jobs of one cluster. */
export interface Programs {
  /** Whether a Job was begun. */
  has(job: Manifest): boolean;
  /**
   * Runs a Job's program until it succeeds, or as often as the Job says. What it says goes to `<name>.log`.
   * @param then what is to be done about the end; what fails before or in it is begun anew.
   */
  begin(job: Manifest, name: string, then: (ended: Ended) => Promise<void>): void;
  /** Ends those whose Jobs are gone. */
  keep(jobs: readonly Manifest[]): void;
  stop(): Promise<void>;
}

export function programsOf(
  kube: Kube,
  place: Place,
  failed: (job: Manifest, why: unknown) => void,
): Programs {
  const begun = new Map<string, { readonly abort: AbortController; readonly ended: Promise<void> }>();
  const uidOf = (job: Manifest) => textAt(job, 'metadata', 'uid') ?? '';
  return {
    has: (job) => begun.has(uidOf(job)),
    begin: (job, name, then) => {
      const abort = new AbortController();
      const ended = run(kube, job, { ...place, name, signal: abort.signal })
        .then(then)
        .catch((error: unknown) => {
          if (abort.signal.aborted) return;
          begun.delete(uidOf(job));
          failed(job, error);
        });
      begun.set(uidOf(job), { abort, ended });
    },
    keep: (jobs) => {
      const kept = new Set(jobs.map(uidOf));
      for (const [uid, { abort }] of begun) if (!kept.has(uid)) abort.abort();
    },
    stop: async () => {
      for (const { abort } of begun.values()) abort.abort();
      await Promise.all([...begun.values()].map(({ ended }) => ended));
    },
  };
}

interface Pod extends Place {
  readonly name: string;
  readonly signal: AbortSignal;
}

async function run(kube: Kube, job: Manifest, { folder, logs, name, signal }: Pod): Promise<Ended> {
  const files = join(folder, 'pods', name);
  await mkdir(files, { recursive: true });
  const input = join(files, 'input.json');
  await writeFile(input, await inputOf(kube, job));
  const pod = ['spec', 'template', 'spec'] as const;
  const account = textAt(job, ...pod, 'serviceAccountName') ?? 'default';
  const env = {
    ...PATIENCE,
    KUBECONFIG: await accountFile({ kube }, files, account, job.metadata.namespace),
  };
  const args = listAt(job, ...pod, 'containers', 0, 'args').map((arg) => textAt(arg) ?? '');
  const place = args.map((arg) => (arg.startsWith(`${INPUTS}/`) ? input : arg));
  const what = { program: process.execPath, args: [join(root, 'functions/cli/main.ts'), ...place], env };
  const tries = (numberAt(job, 'spec', 'backoffLimit') ?? 6) + 1;
  try {
    for (let failed = 0; failed < tries; failed += 1) {
      if (failed > 0) await sleep(BETWEEN_TRIES_MS);
      const code = await runToEnd(logs, name, what, signal);
      if (code === 0) return { failed };
      if (failsJob(job, code)) return { failed: failed + 1, reason: 'PodFailurePolicy' };
    }
    return { failed: tries, reason: 'BackoffLimitExceeded' };
  } finally {
    await rm(files, { recursive: true, force: true });
  }
}

/** Where pods find their input. */
const INPUTS = dirname(dirname(INPUT_FILE));

/** In the pod's annotation, or in a ConfigMap that it mounts. */
async function inputOf(kube: Kube, job: Manifest): Promise<string> {
  const annotation = textAt(job, 'spec', 'template', 'metadata', 'annotations', INPUT_ANNOTATION);
  if (annotation !== undefined) return annotation;
  const mounted = listAt(job, 'spec', 'template', 'spec', 'volumes').find(
    (volume) => textAt(volume, 'name') === 'input',
  );
  const map = await kube.need({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    namespace: job.metadata.namespace ?? '',
    name: textAt(mounted, 'configMap', 'name') ?? '',
  });
  return textAt(map, 'data', 'input.json') ?? '';
}

/** Whether another try is not worth it, by the Job's own policy. */
function failsJob(job: Manifest, code: number | undefined): boolean {
  return listAt(job, 'spec', 'podFailurePolicy', 'rules').some(
    (rule) =>
      code !== undefined &&
      isObject(rule) &&
      rule['action'] === 'FailJob' &&
      listAt(rule, 'onExitCodes', 'values').includes(code),
  );
}
