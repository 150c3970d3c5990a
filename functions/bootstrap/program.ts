/** `openova bootstrap`: one operation, or with a cluster's own document all that it takes. */
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { reasonOf, takesColour, type Io } from '../cli/io.ts';
import { isObject } from '../kernel/manifest.ts';
import { EXIT, Input } from './contract.ts';
import { Failure } from './failure.ts';
import { issueIn, operate } from './operate.ts';
import { teardown } from './operations/teardown.ts';
import { progressOn, type Progress } from './progress.ts';
import { asFailure, realWorld } from './runner.ts';
import { isStandalone, standalone, takeDown, type Surroundings } from './standalone.ts';

export interface BootstrapOptions {
  readonly config: string;
  /** The name of the cluster that is to go. */
  readonly uninstall?: string;
}

/** @returns the exit code. */
export async function bootstrap(options: BootstrapOptions, io: Io): Promise<number> {
  const write = progressOn(io.out, takesColour(io.out, io.env), () => new Date());
  let shown: string | undefined;
  const progress: Progress = (event) => {
    if (event.state === 'failed') shown = event.cause;
    write(event);
  };
  try {
    await untilSignalled((stop) => perform(options, { io, progress, stop }));
    return EXIT.done;
  } catch (error) {
    const { code, message, hint } = asFailure(error);
    // Where both are one screen, the step has said so already.
    if (io.out.isTerminal && io.err.isTerminal && shown === message) return code;
    io.err.write(`${[message, ...(hint === undefined ? [] : [hint])].join('\n')}\n`);
    return code;
  }
}

async function perform(
  { config: file, uninstall }: BootstrapOptions,
  surroundings: Surroundings,
): Promise<void> {
  const { io, progress, stop } = surroundings;
  const document = await readDocument(file);
  if (isStandalone(document))
    return uninstall === undefined
      ? standalone(document, file, surroundings)
      : takeDown(document, file, uninstall, surroundings);
  const input = readInput(document, file);
  if (uninstall !== undefined)
    throw Failure.input('--uninstall is for a document of kind "Bootstrap"', {
      hint: 'an input says it with its operation',
    });
  // The client of Kubernetes is large, and a cluster made from a file does without it.
  const { kubeConfig, KubernetesStore } = await import('./kubernetes-store.ts');
  const config = kubeConfig(io.env);
  if (input.operation === 'teardown') {
    const { workloadCluster } = await import('./workload-cluster.ts');
    const say = (line: string) => {
      io.out.write(`${line}\n`);
    };
    return teardown(workloadCluster(config), input, { stop, now: () => Date.now(), say });
  }
  const { namespace, result: name } = input;
  const store = new KubernetesStore(config, name === undefined ? undefined : { namespace, name });
  return operate(realWorld({ store, progress, stop }, io.env), input);
}

async function readDocument(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw Failure.input(`cannot read --config "${file}": ${reasonOf(error)}`);
  }
  try {
    return parse(text);
  } catch (error) {
    throw Failure.input(`"${file}" is neither JSON nor YAML: ${asFailure(error).message}`);
  }
}

function readInput(document: unknown, file: string): Input {
  const read = Input.safeParse(document);
  if (read.success) return read.data;
  const kind = isObject(document) ? document['kind'] : undefined;
  if (kind !== undefined)
    throw Failure.input(`"${file}" has the kind ${JSON.stringify(kind)}, must be "Bootstrap"`);
  if (!isObject(document) || document['operation'] === undefined)
    throw Failure.input(`"${file}" has neither the kind "Bootstrap" nor an "operation"`, {
      hint: 'docs/bootstrap.example.yaml is a document of that kind',
    });
  throw Failure.input(`"${file}" is no input document: ${issueIn(read.error)}`);
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** Kubernetes ends a pod with SIGTERM, a person a program with SIGINT: what is written then says so. */
async function untilSignalled(work: (stop: AbortSignal) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  const abort = () => {
    controller.abort();
  };
  for (const signal of SIGNALS) process.once(signal, abort);
  try {
    await work(controller.signal);
  } finally {
    for (const signal of SIGNALS) process.off(signal, abort);
  }
}
