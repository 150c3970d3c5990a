/** A program that dies, or loses its connections, at its n-th word to the world outside. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Remote } from '../../../functions/bootstrap/remote.ts';
import { connect } from '../../../functions/bootstrap/ssh.ts';
import type { Leases, Store } from '../../../functions/bootstrap/store.ts';
import type { World } from '../../../functions/bootstrap/runner.ts';

/** `after`: it was done, and nobody heard of it. `during`: it goes on while the program runs again. */
export type Manner = 'after' | 'during';

export interface Cut {
  readonly world: Pick<World, 'login' | 'store'>;
  /** Whether the program came that far. */
  happened(): boolean;
  /** How many words there were. */
  count(): number;
}

class Died extends Error {
  override readonly name = 'Died';
}

/** How long a word takes to arrive. */
const DELIVERY_MS = 30;

/** Commands at machines and writes of Secrets are numbered together, from 1. */
export function cutAt(number: number, manner: Manner, store: Store): Cut {
  let count = 0;
  const isDead = () => count >= number;
  const word = async <T>(say: () => Promise<T>): Promise<T> => {
    if (isDead()) throw new Died();
    count += 1;
    if (!isDead()) return say();
    const said = say();
    if (manner === 'after') await said;
    else await Promise.race([said.catch(() => undefined), pause(DELIVERY_MS)]);
    throw new Died();
  };
  return {
    happened: isDead,
    count: () => count,
    world: {
      login: async (target, login) => {
        if (isDead()) throw new Died();
        return cutting(await connect(target, login), word);
      },
      store: {
        ...(store.leases && { leases: cuttingLeases(store.leases, isDead) }),
        secret: (ref) => (isDead() ? Promise.reject(new Died()) : store.secret(ref)),
        create: (ref, secret) => word(() => store.create(ref, secret)),
        merge: (ref, data, version) => word(() => store.merge(ref, data, version)),
        writeResult: (result) => (isDead() ? Promise.reject(new Died()) : store.writeResult(result)),
      },
    },
  };
}

/** Who has died neither renews a Lease nor lets go of it. */
function cuttingLeases(leases: Leases, isDead: () => boolean): Leases {
  return {
    hold: (...args) => (isDead() ? Promise.reject(new Died()) : leases.hold(...args)),
    release: (...args) => (isDead() ? Promise.reject(new Died()) : leases.release(...args)),
  };
}

function cutting(remote: Remote, word: <T>(say: () => Promise<T>) => Promise<T>): Remote {
  return {
    target: remote.target,
    run: (script, options) => word(() => remote.run(script, options)),
    close: () => {
      remote.close();
    },
  };
}
