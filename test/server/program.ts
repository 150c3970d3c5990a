/** `openova serve` with a handler that passes everything through: what the tests start as a process of its own. */
import { Command } from 'commander';
import { passThrough } from '../../functions/server/messages.ts';
import { addServeCommand } from '../../functions/server/serve.ts';

const program = new Command('openova');
addServeCommand(program, (request) => passThrough(request, 60));
await program.parseAsync();
