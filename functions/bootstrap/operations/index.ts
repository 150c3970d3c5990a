/** What the program does, by the operation that an input document names. */
import type { Input } from '../contract.ts';
import { Failure } from '../failure.ts';
import type { Outcome, Run } from '../run.ts';
import { agent } from './agent.ts';
import { kubeconfig } from './kubeconfig.ts';
import { prepare } from './prepare.ts';
import { server } from './server.ts';

/** All operations that log in to machines; teardown runs in the workload cluster, see `teardown.ts`. */
export function perform(run: Run, input: Exclude<Input, { operation: 'teardown' }>): Promise<Outcome> {
  switch (input.operation) {
    case 'prepare':
      return prepare(run, input);
    case 'server':
      return server(run, input);
    case 'agent':
      return agent(run, input);
    case 'kubeconfig':
      return kubeconfig(run, input);
    default:
      return Promise.reject(Failure.input(`the operation "${input.operation}" is not built`));
  }
}
