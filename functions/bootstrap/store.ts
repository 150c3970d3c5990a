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

export interface Store {
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
