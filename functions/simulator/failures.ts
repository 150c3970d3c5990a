/** How a reconcile ends early. */
import type { Condition } from '@crossplane-org/function-sdk-typescript';
import type { World } from './world.ts';

/** A failure that core reports on the composite, and tries again. */
export class ReconcileError extends Error {
  override readonly name: string = 'ReconcileError';
  /** Conditions that the function gave before the failure. */
  readonly conditions: readonly Condition[];
  /** What had been written by then. */
  readonly world: World | undefined;

  constructor(
    message: string,
    { conditions = [], world }: { conditions?: readonly Condition[]; world?: World } = {},
  ) {
    super(message);
    this.conditions = conditions;
    this.world = world;
  }
}

/** HTTP 409: core tries again later and says nothing about it, neither by event nor by condition. */
export class Conflict extends Error {
  override readonly name = 'Conflict';
}
