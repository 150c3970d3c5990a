/** What an engine brings to a data service. */
import type { DataServiceSpec } from '../../apis/data-service.ts';
import type { Node, Problem } from '../../kernel/graph.ts';
import type { Manifest } from '../../kernel/manifest.ts';
import type { Settled } from '../../kernel/settle.ts';
import type { Site } from '../home.ts';

/** What a person reads of the engine's objects. */
export interface Reading {
  /** `host:port` in the region; undefined until there is one. */
  readonly endpoints: { readonly primary: string; readonly readOnly?: string } | undefined;
  /** The version that runs, as far as it is known. */
  readonly version: string | undefined;
  /** Whether what is written is saved: the engine's own word, undefined while it says nothing. */
  readonly archiving: { readonly works: boolean; readonly message: string | undefined } | undefined;
  readonly backup: { readonly last?: string; readonly firstRecoverable?: string };
}

export interface Engine {
  /** Id of the operator in the catalogue. */
  readonly operator: string;
  /** Id of what backs up to an archival store. */
  readonly backupOperator: string;
  /** Fields that a newer package may change, which restarts the engine: they stay while the region runs an older release. */
  readonly packaged: readonly string[];
  /** What the engine does not let a claim say. */
  readonly check: (spec: Pick<DataServiceSpec, 'database' | 'parameters'>) => readonly Problem[];
  /** Everything but what all engines share. */
  readonly plan: (site: Site) => readonly Node[];
  readonly read: (site: Site, settled: Settled) => Reading;
  /** What an object in the workload cluster is doing, where it says so in a way of its own. */
  readonly doing: (inside: Manifest) => string | undefined;
}
