/**
 * `npm run bench:live -- [NUMBER…]`: that many claims of a small region at once on the live control plane of test/live, by
 * default 1, 10 and 50: how long until they are ready, and what it costs. Every number is of this run on this machine.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { isTrue } from '../functions/kernel/manifest.ts';
import { referenceOf } from '../test/live/kube.ts';
import { startLive, type Live } from '../test/live/live.ts';
import { eventually } from '../test/live/processes.ts';
import { apply, smallCluster, tenant } from '../test/live/scenario.ts';
import { median } from './measure.ts';

const run = promisify(execFile);
const NAMESPACE = 'bench';
const LONGEST_SECONDS = 7200;
/** What is counted, by the names of their logs. */
const COUNTED = ['function', 'crossplane-core', 'provider-hetzner', 'control-kube-apiserver'] as const;

interface Used {
  readonly cpuSeconds: number;
  readonly megabytes: number;
}

async function measure(claims: number): Promise<string[]> {
  const live = await startLive(() => undefined);
  try {
    await tenant(live, NAMESPACE);
    const clusters = Array.from({ length: claims }, (_, index) => smallCluster(NAMESPACE, `bench-${index}`));
    const started = performance.now();
    await Promise.all(clusters.map((cluster) => apply(live, cluster)));
    const seconds = await Promise.all(
      clusters.map(async (cluster) => {
        await eventually(
          `claim ${cluster.metadata.name ?? ''}`,
          LONGEST_SECONDS,
          async () => {
            await live.check();
            return isTrue(await live.kube.need(referenceOf(cluster)), 'Ready') ? true : undefined;
          },
          2000,
        );
        return (performance.now() - started) / 1000;
      }),
    );
    const used = await Promise.all(COUNTED.map((name) => usedBy(live, name)));
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
async function usedBy({ running }: Live, name: string): Promise<Used> {
  const group = running.find((one) => one.name === name)?.pid;
  if (group === undefined) throw new Error(`"${name}" does not run`);
  const { stdout } = await run('ps', ['-eo', 'pgid=,rss=,cputimes=', '--cumulative']);
  const own = stdout
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter(([pgid]) => pgid === group);
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  return {
    megabytes: sum(own.map(([, rss = 0]) => rss)) / 1024,
    cpuSeconds: sum(own.map(([, , cpu = 0]) => cpu)),
  };
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
