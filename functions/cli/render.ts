/** `openova render`: every object that claims become. */
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isTrue } from '../kernel/manifest.ts';
import { definitionOfClaim } from '../simulator/definitions.ts';
import { simulate, type Simulation, type Wave } from '../simulator/simulate.ts';
import { check, lineFor } from './check.ts';
import { checkGraphFile, pictureOf } from './graph.ts';
import { readSources } from './input.ts';
import { commandIn, EXIT, reasonOf, takesColour, UserError, type Io } from './io.ts';
import { DEFINITIONS, withFunction, worldOf } from './scene.ts';

export interface RenderOptions {
  readonly output?: 'tree' | 'yaml' | 'json';
  readonly until?: number;
  readonly observed?: string;
  readonly graph?: string;
  readonly export?: string;
  readonly live?: boolean;
}

/** @returns the exit code. */
export async function render(files: readonly string[], options: RenderOptions, io: Io): Promise<number> {
  if (options.graph !== undefined) checkGraphFile(options.graph);
  const sources = await readSources(files, io);
  const findings = check(sources);
  if (findings.length > 0) {
    io.err.write(findings.map((finding) => `${lineFor(finding)}\n`).join(''));
    return EXIT.invalid;
  }
  const observed = options.observed === undefined ? [] : await readSources([options.observed], io);
  const given = sources.map(({ object }) => object);
  if (!given.some((object) => definitionOfClaim(DEFINITIONS, object) ?? isComposite(object)))
    throw new UserError(`no claim in ${files.map((file) => `"${file}"`).join(', ')}`);

  await checkTargets(options);
  const start = worldOf(
    observed.map(({ object }) => object),
    given,
  );
  const progress = progressOn(io);
  const simulation = await withFunction((setup) =>
    simulate(setup, start, { until: options.until, onWave: progress.wave }),
  ).finally(progress.end);

  await write(simulation, files, options, io);
  return finish(simulation, options, io);
}

/** Whether there is room for the files, before what they show is worked out. */
async function checkTargets({ graph, export: folder }: RenderOptions): Promise<void> {
  if (graph !== undefined && !(await stat(dirname(graph)).catch(() => undefined))?.isDirectory())
    throw new UserError(`cannot write --graph "${graph}": no such folder "${dirname(graph)}"`);
  if (folder === undefined) return;
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw new UserError(`cannot write --export "${folder}": ${reasonOf(error)}, must be a folder`);
  }
}

function isComposite({ kind }: { readonly kind: string }): boolean {
  return DEFINITIONS.some((definition) => definition.kind === kind);
}

async function write(
  simulation: Simulation,
  files: readonly string[],
  options: RenderOptions,
  io: Io,
): Promise<void> {
  if (options.graph !== undefined) {
    const picture = pictureOf(simulation, options.graph, files);
    await save(options.graph, picture);
    io.err.write(`The picture is in ${options.graph}\n`);
  }
  if (options.export !== undefined) {
    const { exportTo } = await import('./export.ts');
    const count = await exportTo(options.export, simulation);
    io.err.write(`The input of ${count} renders is in ${options.export}, docs/ci.md shows how to run them\n`);
  }
  const format = options.output ?? (io.out.isTerminal ? 'tree' : 'yaml');
  if (format === 'tree') {
    const { treeOf } = await import('./tree.ts');
    io.out.write(
      treeOf(simulation, {
        files,
        command: commandIn(io.env),
        colour: takesColour(io.out, io.env),
        columns: io.out.isTerminal ? io.out.columns : undefined,
        until: options.until,
      }),
    );
    return;
  }
  const { jsonOf, yamlOf } = await import('./manifests.ts');
  const print = format === 'json' ? jsonOf : yamlOf;
  io.out.write(print(simulation, options.live === true));
}

export async function save(file: string, content: string): Promise<void> {
  try {
    await writeFile(file, content);
  } catch (error) {
    throw new UserError(`cannot write "${file}": ${reasonOf(error)}`);
  }
}

const MOST_SHOWN = 10;

/** What did not become ready, and the warnings of the function, are said beside the output. */
function finish({ world, unready, events }: Simulation, { until }: RenderOptions, io: Io): number {
  const warnings = [...events].flatMap(([id, list]) =>
    list.filter(({ type }) => type === 'Warning').map(({ message }) => `${id}: ${message}`),
  );
  for (const warning of [...new Set(warnings)].sort()) io.err.write(`Warning: ${warning}\n`);
  if (until !== undefined) return EXIT.ok;
  const claims = [...world.objects.values()].filter((object) => definitionOfClaim(DEFINITIONS, object));
  if (claims.every((claim) => isTrue(claim, 'Ready')) && unready.size === 0) return EXIT.ok;
  const lines = [...unready].map(([id, message]) => `Not ready: ${id}: ${message}\n`);
  const rest = lines.length - MOST_SHOWN;
  io.err.write(lines.slice(0, MOST_SHOWN).join(''));
  if (rest > 0) io.err.write(`Not ready: ${rest} more\n`);
  return EXIT.unready;
}

interface Progress {
  readonly wave: (wave: Wave) => void;
  readonly end: () => void;
}

/** A line that is written over, on a terminal only. */
function progressOn({ err }: Io): Progress {
  if (!err.isTerminal) return { wave: () => undefined, end: () => undefined };
  let objects = 0;
  return {
    wave: ({ number, objects: came }) => {
      objects += came.length;
      const newest = came.at(-1);
      const line = `wave ${number}, ${objects} objects${newest === undefined ? '' : `, ${newest.key || newest.id}`}`;
      err.write(`\r\u001b[K${line.slice(0, err.columns - 1)}`);
    },
    end: () => {
      err.write('\r\u001b[K');
    },
  };
}
