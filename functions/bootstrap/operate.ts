/** One operation from its beginning to its result. */
import type * as z from 'zod';
import type { Input } from './contract.ts';
import { perform } from './operations/index.ts';
import { asFailure, Runner, type World } from './runner.ts';

/** Operations that log in to machines: all but the one that runs in the workload cluster. */
export type OnMachines = Exclude<Input, { operation: 'teardown' }>;

/** Runs one operation, and writes its result whatever happens. @throws Failure */
export async function operate(world: World, input: OnMachines): Promise<void> {
  const runner = new Runner(world, {
    ...input,
    operation: input.operation,
    secrets: { ...input.secrets, namespace: input.namespace },
  });
  try {
    await runner.end(await perform(runner, input));
  } catch (error) {
    const failure = asFailure(error);
    await runner.end(failure).catch(() => undefined);
    throw failure;
  }
}

/** The first thing that is wrong: field and rule, never a value. */
export function issueIn(error: z.ZodError): string {
  const [issue] = error.issues;
  const field = issue?.path.map(String).join('.') ?? '';
  return `${field === '' ? 'the document' : `"${field}"`}: ${issue?.message ?? ''}`;
}
