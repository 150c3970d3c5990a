/** Where the program keeps what it makes: Secrets of the management cluster, or files when it runs alone. */
import type { Result } from './contract.ts';

export interface Ref {
  readonly namespace: string;
  readonly name: string;
}

export interface Secret {
  readonly labels: Readonly<Record<string, string>>;
  readonly type: string;
  /** By key, as plain text. */
  readonly data: Readonly<Record<string, string>>;
  /** Changes with every write. */
  readonly version: string;
}

export interface NewSecret {
  readonly labels?: Readonly<Record<string, string>>;
  /** `Opaque` unless told. */
  readonly type?: string;
  readonly data: Readonly<Record<string, string>>;
}

/** Leases, which one at a time holds. */
export interface Leases {
  /**
   * Takes a Lease that nobody holds, or renews it.
   * @param seconds after which another may take it unless it is renewed.
   * @returns who else holds it; undefined when the holder does.
   */
  hold(ref: Ref, holder: string, seconds: number): Promise<string | undefined>;
  /** Lets go of it, if the holder still has it. */
  release(ref: Ref, holder: string): Promise<void>;
}

export interface Store {
  /** Left out where nobody else is at work. */
  readonly leases?: Leases;
  secret(ref: Ref): Promise<Secret | undefined>;
  /** @returns false when there is one already, which stays as it is. */
  create(ref: Ref, secret: NewSecret): Promise<boolean>;
  /**
   * Sets keys of a Secret that exists, and leaves its others.
   * @param version that it must still have.
   * @returns false when it has another version, and nothing was written.
   */
  merge(ref: Ref, data: Readonly<Record<string, string>>, version?: string): Promise<boolean>;
  /** Where the region looks, or nowhere when nobody does. */
  writeResult(result: Result): Promise<void>;
}
