/** A machine that exists already: checked once, and let in by the others of its region before K3s says anything to them. */
import type { Allow, Target } from '../contract.ts';
import type { Remote } from '../remote.ts';
import type { InputOf, Look, Run } from '../run.ts';
import { hasJoined } from './cluster.ts';
import { applyFirewall } from './firewall.ts';
import type { Role } from './k3s.ts';
import { logIn } from './machine.ts';
import { preflight } from './preflight.ts';

const LOOK_SECONDS = 60;

/** Logs in to a machine that K3s is to run on; one that no cloud has made is fit for it afterwards. */
export async function logInTo(
  run: Run,
  role: Role,
  { target, host, k3s }: Pick<InputOf<'agent'>, 'target' | 'host' | 'k3s'>,
): Promise<Remote> {
  const remote = await logIn(run, target);
  if (host === undefined) return remote;
  await preflight(run, remote, role, k3s);
  await applyFirewall(run, target, host.allow);
  for (const one of host.others) await letIn(run, one, host.allow);
  // Its firewall was confirmed by a connection that took this one's place.
  return logIn(run, target);
}

/** One that does not answer keeps nobody waiting, and one that has not joined has its own turn. */
async function letIn(run: Run, one: Target, allow: readonly Allow[]): Promise<void> {
  const joined = await run.step(
    `see whether "${one.name}" has joined`,
    LOOK_SECONDS,
    async (signal): Promise<Look<boolean>> => {
      const reached = await run.reach(one, signal);
      return 'done' in reached ? { done: await hasJoined(reached.done, signal) } : reached;
    },
  );
  if ('waiting' in joined)
    await run.step(`go on without "${one.name}": ${joined.waiting}`, LOOK_SECONDS, () => Promise.resolve());
  else if (joined.done) await applyFirewall(run, one, allow);
}
