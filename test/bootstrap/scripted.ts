/** Machines that answer as a test says, and a run of the program's steps on them. */
import type { Target } from '../../functions/bootstrap/contract.ts';
import { Failure } from '../../functions/bootstrap/failure.ts';
import type { Event } from '../../functions/bootstrap/progress.ts';
import type { Remote } from '../../functions/bootstrap/remote.ts';
import { Runner, type World } from '../../functions/bootstrap/runner.ts';
import { Unreachable } from '../../functions/bootstrap/ssh.ts';
import { MemoryStore } from './memory-store.ts';

export const NAMESPACE = 'openova-system';
export const SECRETS = { tokens: 'tokens', ssh: 'ssh', hostKeys: 'host-keys' } as const;

/** What a machine prints for a script; `{}` of all others: an empty object is an answer of kubectl and of etcd. Unreachable breaks the connection. */
export type Answers = (script: string) => string | undefined;

/** By name: how a machine answers, or why nobody can log in. One that is not listed does not answer. */
export type Scripted = Record<string, Answers | Error>;

/** @param name such as `server-1` and `agent-1`. */
export function target(name: string): Target {
  const number = (name.startsWith('agent') ? 100 : 0) + Number(name.split('-').at(-1));
  return {
    name,
    address: `203.0.113.${number}`,
    nodeAddress: `10.0.0.${number}`,
    port: 22,
    identity: name,
  };
}

/** @returns the run, and `ran`: every script with its machine, in order. */
export async function runOn(machines: Scripted, more: Partial<World> = {}) {
  const store = new MemoryStore();
  await store.create({ namespace: NAMESPACE, name: SECRETS.ssh }, { data: { id_ed25519: 'a key of ours' } });
  await store.create({ namespace: NAMESPACE, name: SECRETS.hostKeys }, { data: {} });
  const events: Event[] = [];
  const ran: { machine: string; script: string }[] = [];
  const remoteOf = (machine: Target, answers: Answers, onClose: () => void): Remote => {
    let isBroken = false;
    return {
      target: machine,
      run: async (script) => {
        ran.push({ machine: machine.name, script });
        try {
          if (isBroken) throw new Unreachable('it was closed');
          return await Promise.resolve({ code: 0, stdout: answers(script) ?? '{}', stderr: '' });
        } catch (error) {
          if (!(error instanceof Unreachable)) throw error;
          isBroken = true;
          onClose();
          throw Failure.remote(`"${machine.name}": the connection broke: ${error.message}`);
        }
      },
      close: () => undefined,
    };
  };
  const run = new Runner(
    {
      store,
      progress: (event) => events.push(event),
      now: () => new Date(0),
      stop: new AbortController().signal,
      login: (machine, { onClose = () => undefined }) => {
        const answers = machines[machine.name] ?? new Unreachable('connect ETIMEDOUT');
        return answers instanceof Error
          ? Promise.reject(answers)
          : Promise.resolve(remoteOf(machine, answers, onClose));
      },
      patience: 0.001,
      ...more,
    },
    {
      operation: 'care',
      deadlineSeconds: 3600,
      secrets: { namespace: NAMESPACE, ssh: SECRETS.ssh, hostKeys: SECRETS.hostKeys },
    },
  );
  return { run, store, events, ran };
}

/** How work failed; an error of the test when it did not. */
export async function failureOf(work: Promise<unknown>): Promise<Failure> {
  try {
    await work;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error('it went well');
}
