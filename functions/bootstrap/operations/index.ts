/** What the program does, by the operation that an input document names. */
import type { Input } from '../contract.ts';
import type { Outcome, Run } from '../run.ts';
import { agent } from './agent.ts';
import { care } from './care.ts';
import { drainAndRemove } from './drain-and-remove.ts';
import { kubeconfig } from './kubeconfig.ts';
import { label } from './label.ts';
import { prepare } from './prepare.ts';
import { server } from './server.ts';
import { snapshot } from './snapshot.ts';
import { uninstall } from './uninstall.ts';
import { upgrade } from './upgrade.ts';

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
    case 'drain-and-remove':
      return drainAndRemove(run, input);
    case 'upgrade':
      return upgrade(run, input);
    case 'label':
      return label(run, input);
    case 'snapshot':
      return snapshot(run, input);
    case 'care':
      return care(run, input);
    case 'uninstall':
      return uninstall(run, input);
  }
}
