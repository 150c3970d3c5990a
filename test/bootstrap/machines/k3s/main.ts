/** The stand-in of K3s: main.ts VERSION COMMAND ARGUMENTS… */
import { agent } from './agent.ts';
import { readConfig } from './config.ts';
import { log } from './place.ts';
import { issueLeaves } from './pki.ts';
import { server } from './server.ts';
import { etcdSnapshot } from './snapshot.ts';

const [version = '', command = '', ...args] = process.argv.slice(2);

const commands: Readonly<Record<string, (version: string, args: readonly string[]) => Promise<void>>> = {
  server,
  agent,
  'etcd-snapshot': etcdSnapshot,
  // Of the stand-in alone: certificates that end soon.
  'age-certificates': async (_version, [days]) => issueLeaves(await readConfig([]), Number(days)),
};

try {
  const run = commands[command];
  if (run === undefined) throw new Error(`the stand-in does not play "k3s ${command}"`);
  await run(version, args);
} catch (error) {
  log('fatal', error instanceof Error ? error.message : String(error));
  process.exit(1);
}
