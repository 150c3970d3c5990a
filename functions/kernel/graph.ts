/** The words in which domain code says what should be. Order, latch and hold are the kernel's. */
import type { Json, JsonObject, Manifest, Metadata } from './manifest.ts';
import type { Observed } from './observed.ts';
import type { Settled } from './settle.ts';

/** A condition on another node: that it is ready, or that it has reached a stage of its own. */
export type After =
  string | { readonly key: string; readonly until: string; readonly test: (observed: Manifest) => boolean };

/** A Kubernetes object whose name the kernel may still give. */
export interface Template extends JsonObject {
  apiVersion: string;
  kind: string;
  metadata?: Metadata;
}

/** One object that should exist. */
export interface Node {
  /** The composition-resource-name: never changes, never derived from a list index or a mutable field. */
  readonly key: string;
  /** Without a `metadata.name` it gets the one that `nameFor` makes of the XR's name and the key. */
  readonly manifest: Template;
  /** What must be so before the object is made. It says nothing about later: what exists stays. */
  readonly after?: readonly After[];
  /** How readiness is read; by default what the kind usually says (see `isReady`). */
  readonly ready?: (observed: Manifest) => boolean;
  /** Dotted paths that keep the value they were made with, for as long as the object lives. */
  readonly frozen?: readonly string[];
  /**
   * Dotted paths that follow the claim also while the region runs an older release: what stands there is what the user
   * wrote, and nothing of the package's. For `*` see `follow`.
   */
  readonly live?: readonly string[];
  /** Held whole as soon as it exists: Jobs, whose template is immutable. */
  readonly once?: boolean;
  /** The step of the status (a condition type) that this node belongs to. */
  readonly step?: string;
  /** Follows the installed package without consent: nested XRs, whose own functions ask for it. */
  readonly follows?: boolean;
  /** May be made although the region runs an older release: what a scale-up adds. */
  readonly scales?: boolean;
}

export type ResourceSelector = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
} & ({ readonly name: string } | { readonly labels: Readonly<Record<string, string>> });

/** A mistake in the input: what was given, what is allowed. */
export interface Problem {
  /** Dotted path from the root of the claim, such as `spec.pools[general].count`. */
  readonly field: string;
  readonly message: string;
}

export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message?: string;
}

export interface Graph {
  readonly nodes: readonly Node[];
  /** Mistakes found while planning: nothing new is made, what exists is held. */
  readonly problems?: readonly Problem[];
  /**
   * For observed keys that the input no longer wants: nodes that must be ready before each may go. While a region runs
   * an older release only what is named here leaves: what a newer package dropped stays.
   */
  readonly leaving?: ReadonlyMap<string, readonly string[]>;
  /** Observed keys that may not go at all, and so are not on their way out, with the reason: a protected region. */
  readonly kept?: ReadonlyMap<string, string>;
  /** The release that was asked for; see `settle`. Left out where there are none to choose from. */
  readonly release?: {
    /** The release that was ready last; undefined while the first is being built. */
    readonly running: string | undefined;
    readonly wanted: string;
    /** What the installed package brings. */
    readonly installed: string;
  };
}

export interface Input<Spec> {
  readonly xr: Manifest;
  readonly spec: Spec;
  readonly observed: Observed;
  /** What `requires` asked for, by the name it was asked under; undefined while not fetched. */
  readonly required: Readonly<Record<string, readonly Manifest[] | undefined>>;
}

export interface Report {
  readonly status: JsonObject;
  readonly conditions: readonly Condition[];
  /** Connection details of the composite; base64 is Crossplane's business, not ours. Never logged. */
  readonly connection?: Readonly<Record<string, Uint8Array>>;
}

export type Parsed<Spec> =
  { readonly ok: true; readonly spec: Spec } | { readonly ok: false; readonly problems: readonly Problem[] };

/** One kind of composite: four pure functions. */
export interface Composer<Spec> {
  readonly kind: string;
  /** Composite to typed input, or every mistake in it. */
  parse(xr: Manifest): Parsed<Spec>;
  /** Objects of the control plane to read beside the composed ones. */
  requires?(spec: Spec, xr: Manifest): Readonly<Record<string, ResourceSelector>>;
  /** What should be. */
  plan(input: Input<Spec>): Graph;
  /** What a person should read of it. */
  report(input: Input<Spec>, settled: Settled): Report;
}

export type { Json, JsonObject, Manifest };
