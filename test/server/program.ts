/** `openova serve` with a handler that passes everything through: what the tests start as a process of its own. */
import { RunFunctionResponse, type RunFunctionRequest } from '@crossplane-org/function-sdk-typescript';
import { Command } from 'commander';
import { addServeCommand } from '../../functions/server/serve.ts';

const program = new Command('openova');
addServeCommand(program, ({ meta, desired }: RunFunctionRequest) => ({
  ...RunFunctionResponse.fromPartial({ meta: { tag: meta?.tag ?? '' } }),
  desired,
}));
await program.parseAsync();
