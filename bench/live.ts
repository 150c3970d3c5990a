/**
 * `npm run bench:live -- [NUMBER…]`: that many claims of a region at once on the live control plane of test/live, by
 * default 1, 10 and 50: how long until they are ready, and what it costs, with providers that poll as often as they do by
 * themselves. Every number is of this run on this machine, on which each region's own API server runs too. The table goes to
 * stdout, progress to stderr.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isObject, isTrue, objectAt, type Manifest } from '../functions/kernel/manifest.ts';
import { referenceOf } from '../test/live/kube.ts';
import { startLive, type Live } from '../test/live/live.ts';
import { eventually } from '../test/live/processes.ts';
import { OWN_POLLS } from '../test/live/providers.ts';
import { apply, smallCluster, tenant } from '../test/live/scenario.ts';
import { median } from './measure.ts';

const NAMESPACE = 'bench';
const LONGEST_SECONDS = 7200;
/** What is counted, by the names of their logs. */
const COUNTED = [
  'function',
  'crossplane-core',
  'provider-hetzner',
  'terraform-provider-hcloud',
  'provider-helm',
  'provider-kubernetes',
  'control-kube-apiserver',
  'etcd',
] as const;

interface Used {
  readonly cpuSeconds: number;
  readonly megabytes: number;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** One region of one machine, without a cluster around it. */
function smallRegion(name: string): Manifest {
  const { spec, ...cluster } = smallCluster(NAMESPACE, name);
  const { regions, ...shared } = isObject(spec) ? spec : {};
  return { ...cluster, kind: 'OpenOvaRegion', spec: { ...shared, ...objectAt(regions, 0) } };
}

async function measure(claims: number): Promise<string[]> {
  const live = await startLive(say, { polls: OWN_POLLS, light: true });
  try {
    await tenant(live, NAMESPACE);
    const regions = Array.from({ length: claims }, (_, index) => smallRegion(`bench-${index}`));
    const started = performance.now();
    const sinceStart = () => (performance.now() - started) / 1000;
    await Promise.all(regions.map((region) => apply(live, region)));
    let ready = 0;
    const seconds = await Promise.all(
      regions.map(async (region) => {
        await eventually(
          `claim ${region.metadata.name ?? ''}`,
          LONGEST_SECONDS,
          async () => {
            await live.check();
            return isTrue(await live.kube.need(referenceOf(region)), 'Ready') ? true : undefined;
          },
          2000,
        );
        ready += 1;
        say(`${ready} of ${claims} ready after ${sinceStart().toFixed(0)} s`);
        return sinceStart();
      }),
    );
    const all = await processes();
    const used = COUNTED.map((name) => usedBy(live, name, all));
    return [
      String(claims),
      median(seconds).toFixed(0),
      Math.max(...seconds).toFixed(0),
      String(await callsOf(live)),
      ...used.flatMap(({ cpuSeconds, megabytes }) => [cpuSeconds.toFixed(0), megabytes.toFixed(0)]),
    ];
  } finally {
    await live.stop();
  }
}

/** Times that the function was asked, by its log. */
async function callsOf({ logs }: Live): Promise<number> {
  const log = await readFile(join(logs, 'function.log'), 'utf8');
  return log.split('"msg":"RunFunction"').length - 1;
}

/** What a program has used with all that it has started, also what of that has ended. */
function usedBy({ running }: Live, name: string, all: readonly Process[]): Used {
  const group = running.find((one) => one.name === name)?.pid;
  if (group === undefined) throw new Error(`"${name}" does not run`);
  const own = all.filter((one) => one.group === group);
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  return {
    cpuSeconds: sum(own.map(({ cpuSeconds }) => cpuSeconds)),
    megabytes: sum(own.map(({ megabytes }) => megabytes)),
  };
}

interface Process extends Used {
  readonly group: number;
}

/** Ticks in a second and bytes in a page, as on every Linux of today. */
const [TICKS, PAGE] = [100, 4096];

/** Every process there is: of `ps`, none says with a format of ours what children have used. Source: proc_pid_stat(5). */
async function processes(): Promise<Process[]> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(ids.map((id) => readFile(`/proc/${id}/stat`, 'utf8').catch(() => '')));
  return stats.filter(Boolean).map((stat) => {
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const field = (number: number) => fields[number - 3] ?? 0;
    return {
      group: field(5),
      cpuSeconds: (field(14) + field(15) + field(16) + field(17)) / TICKS,
      megabytes: (field(24) * PAGE) / 2 ** 20,
    };
  });
}

const HEADER = [
  'claims',
  'median s',
  'last s',
  'calls',
  ...COUNTED.flatMap((name) => [`${name} CPU s`, 'MB']),
];

const sizes = process.argv.slice(2).map(Number);
if (sizes.some((size) => !Number.isInteger(size) || size < 1)) {
  process.stderr.write(
    `cannot start ${process.argv.slice(2).join(' ')} claims: must be whole numbers from 1\n`,
  );
  process.exitCode = 2;
} else {
  process.stdout.write(`${HEADER.join('\t')}\n`);
  for (const size of sizes.length === 0 ? [1, 10, 50] : sizes)
    process.stdout.write(`${(await measure(size)).join('\t')}\n`);
}
