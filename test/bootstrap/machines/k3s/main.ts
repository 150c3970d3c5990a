/** The stand-in of K3s: main.ts VERSION COMMAND ARGUMENTS… */
import { agent } from './agent.ts';
import { log } from './place.ts';
import { server } from './server.ts';

const [version = '', command = '', ...args] = process.argv.slice(2);

const commands: Readonly<Record<string, (version: string, args: readonly string[]) => Promise<void>>> = {
  server,
  agent,
};

try {
  const run = commands[command];
  if (run === undefined) throw new Error(`the stand-in does not play "k3s ${command}"`);
  await run(version, args);
} catch (error) {
  log('fatal', error instanceof Error ? error.message : String(error));
  process.exit(1);
}
