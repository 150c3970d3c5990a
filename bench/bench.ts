/**
 * `npm run bench`: RunFunction of a region over loopback gRPC as a ratio to the floor, the time from a cold start to the
 * first healthy answer, and memory. Every number is of this one run on this one machine; only ratios travel.
 * Seen on two idle cores, 2026-11-21: 1.34 to 1.46 times the floor's time with 120 observed resources and 1.3 with 500; in one
 * run of four the compiler of Node settles on slower code, and both are 1.6.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FunctionRunnerServiceService } from '@crossplane-org/function-sdk-typescript';
import { Command } from 'commander';
import { startChild } from './child.ts';
import { callerAt, coldStart, compare, median, type Cost } from './measure.ts';
import { regionRequests, SIZES, type Sample } from './requests.ts';

interface Row {
  readonly n: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly floor: Cost;
  readonly ours: Cost;
  /** Ours to the floor, of the medians and of the processor time. */
  readonly ratio: number;
  readonly cpuRatio: number;
}

interface Report {
  readonly calls: number;
  readonly rows: readonly Row[];
  readonly coldStartMs: number;
  /** Resident memory of the server in MB: before the first call, and after the last. */
  readonly memoryMb: { readonly idle: number; readonly after: number; readonly floorAfter: number };
}

const COLD_STARTS = 5;
const MAIN = join(import.meta.dirname, '../functions/cli/main.ts');

/** Measures every sample against the floor. */
async function run(samples: readonly Sample[], calls: number): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), 'openova-bench-'));
  process.once('exit', () => {
    rmSync(folder, { recursive: true });
  });
  const ours = await startChild('ours');
  const caller = callerAt(ours.port);
  const idle = (await ours.usage()).rss;
  const prepared = await Promise.all(
    samples.map(async ({ n, request }) => {
      const bytes = FunctionRunnerServiceService.runFunction.requestSerialize(request);
      const response = await caller.call(bytes);
      const file = join(folder, `${n}.bin`);
      writeFileSync(file, response);
      return { n, bytes, file, responseBytes: response.length };
    }),
  );
  const floor = await startChild(
    'floor',
    prepared.map(({ file }) => file),
  );
  const floorCaller = callerAt(floor.port);
  const rows: Row[] = [];
  for (const { n, bytes, responseBytes } of prepared) {
    const [low, own] = await compare(
      { caller: floorCaller, cpu: async () => (await floor.usage()).cpuMs },
      { caller, cpu: async () => (await ours.usage()).cpuMs },
      bytes,
      calls,
    );
    const ratios = { ratio: own.wallMs / low.wallMs, cpuRatio: own.cpuMs / low.cpuMs };
    rows.push({ n, requestBytes: bytes.length, responseBytes, floor: low, ours: own, ...ratios });
  }
  const memory = { idle, after: (await ours.usage()).rss, floorAfter: (await floor.usage()).rss };
  for (const one of [caller, floorCaller]) one.close();
  for (const child of [ours, floor]) child.stop();

  const starts: number[] = [];
  for (let index = 0; index < COLD_STARTS; index += 1) {
    starts.push(await coldStart([process.execPath, MAIN]));
  }
  const memoryMb = {
    idle: megabytes(memory.idle),
    after: megabytes(memory.after),
    floorAfter: megabytes(memory.floorAfter),
  };
  return { calls, rows, coldStartMs: median(starts), memoryMb };
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e6);
}

/** The table that a person reads. */
function table({ calls, rows, coldStartMs, memoryMb }: Report): string {
  const head = [
    'observed',
    'KB in',
    'KB out',
    'floor ms',
    'ours ms',
    'ratio',
    'floor CPU',
    'ours CPU',
    'ratio',
    'CPU each',
  ];
  const body = rows.map(({ n, requestBytes, responseBytes, floor, ours, ratio, cpuRatio }) => [
    String(n),
    (requestBytes / 1000).toFixed(0),
    (responseBytes / 1000).toFixed(0),
    floor.wallMs.toFixed(2),
    ours.wallMs.toFixed(2),
    ratio.toFixed(2),
    floor.cpuMs.toFixed(2),
    ours.cpuMs.toFixed(2),
    cpuRatio.toFixed(2),
    (ours.cpuMs / n).toFixed(3),
  ]);
  const widths = head.map((title, column) =>
    Math.max(title.length, ...body.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    cells.map((cell, column) => cell.padStart(widths[column] ?? 0)).join('  ');
  return [
    `RunFunction over loopback gRPC: medians of ${calls} calls, and processor time of the server for one call, in ms`,
    'floor = a server that decodes and encodes the same messages and does nothing else',
    line(head),
    ...body.map(line),
    `cold start: ${coldStartMs.toFixed(0)} ms from spawn to a healthy answer (median of ${COLD_STARTS})`,
    `memory: ${memoryMb.idle} MB before the first call, ${memoryMb.after} MB after the last (floor ${memoryMb.floorAfter} MB)`,
  ].join('\n');
}

const options = new Command('bench')
  .description('Measure RunFunction against the floor')
  .option('--json', 'print JSON instead of a table', false)
  .option('--calls <n>', 'calls to take the median of', Number, 50)
  .parse()
  .opts<{ json: boolean; calls: number }>();

if (!options.json) process.stdout.write('Recording requests from the simulator\n');
const report = await run(await regionRequests(SIZES), options.calls);
process.stdout.write(`${options.json ? JSON.stringify(report, undefined, 2) : table(report)}\n`);
