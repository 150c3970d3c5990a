import { describe, expect, it, vi } from 'vitest';
import { EXIT } from '../../functions/bootstrap/contract.ts';
import { Failure } from '../../functions/bootstrap/failure.ts';
import { KINDS, teardown, type Cluster, type Found } from '../../functions/bootstrap/operations/teardown.ts';

vi.mock('node:timers/promises', () => ({ setTimeout: () => Promise.resolve() }));

/** A cluster in which an object goes one look after it was removed, and a volume with its claim. */
class Played implements Cluster {
  readonly removed: string[] = [];
  readonly stuck: string | undefined;
  #objects: Found[];

  constructor(objects: readonly Found[], stuck?: string) {
    this.#objects = [...objects];
    this.stuck = stuck;
  }

  loadBalancers(): Promise<Found[]> {
    const found = this.#of(['Service']);
    this.#objects = this.#objects.filter(({ leaving, name }) => !leaving || name === this.stuck);
    return Promise.resolve(found);
  }

  workloads(): Promise<Found[]> {
    return Promise.resolve(
      this.#of(KINDS.filter((kind) => kind !== 'Service' && kind !== 'PersistentVolume')),
    );
  }

  volumes(): Promise<Found[]> {
    return Promise.resolve(this.#of(['PersistentVolume']));
  }

  remove(object: Found): Promise<void> {
    this.removed.push(`${object.kind} ${object.name}`);
    this.#objects = this.#objects.map((one) => (one.name === object.name ? { ...one, leaving: true } : one));
    return Promise.resolve();
  }

  #of(kinds: readonly string[]): Found[] {
    return this.#objects.filter(({ kind }) => kinds.includes(kind));
  }
}

const OBJECTS: Found[] = [
  { kind: 'PersistentVolume', name: 'volume', leaving: false },
  { kind: 'PersistentVolumeClaim', namespace: 'shop', name: 'data', leaving: false },
  { kind: 'Pod', namespace: 'shop', name: 'db-0', leaving: false },
  { kind: 'StatefulSet', namespace: 'shop', name: 'db', leaving: false },
  { kind: 'Service', namespace: 'shop', name: 'web', leaving: false },
];

const input = (volumes: 'Delete' | 'Retain') => ({
  version: 1 as const,
  operation: 'teardown' as const,
  volumes,
  deadlineSeconds: 60,
});

function clock(perLook = 1000) {
  let now = 0;
  return { stop: new AbortController().signal, now: () => (now += perLook), say: () => undefined };
}

describe('teardown', () => {
  it('removes load balancers alone where volumes stay', async () => {
    const cluster = new Played(OBJECTS);

    await teardown(cluster, input('Retain'), clock());

    expect(cluster.removed).toEqual(['Service web']);
  });

  it('removes who makes pods before pods, and pods before what they keep; each once', async () => {
    const cluster = new Played(OBJECTS);

    await teardown(cluster, input('Delete'), clock());

    expect(cluster.removed).toEqual([
      'Service web',
      'StatefulSet db',
      'Pod db-0',
      'PersistentVolumeClaim data',
      'PersistentVolume volume',
    ]);
  });

  it('gives up at its deadline, and says what is left', async () => {
    const ended = teardown(new Played(OBJECTS, 'web'), input('Retain'), clock(30_000));

    await expect(ended).rejects.toThrow(Failure);
    await expect(ended).rejects.toMatchObject({
      code: EXIT.timeout,
      message: 'after 60 s there is left: Service shop/web',
    });
  });

  it('is done where there is nothing', async () => {
    await expect(teardown(new Played([]), input('Delete'), clock())).resolves.toBeUndefined();
  });
});
