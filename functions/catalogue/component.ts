/**
 * The contract of the catalogue. One file declares one component; shared code asks the declaration and never asks which
 * component it is looking at. How a component becomes objects is in `render.ts`.
 */
import type { PlatformSpec } from '../apis/platform.ts';
import type { Node } from '../kernel/graph.ts';
import type { JsonObject } from '../kernel/manifest.ts';
import { helm } from './render.ts';

/** From the smallest to the largest; what is on in one is on in the larger ones. */
export const PROFILES = ['minimal', 'standard', 'full'] as const;
export type Profile = (typeof PROFILES)[number];

export const CATEGORIES = ['network', 'cloud', 'security', 'delivery', 'data'] as const;
export type Category = (typeof CATEGORIES)[number];

/** Steps of the platform, in their order: condition types of its composite. */
export const STEPS = [
  'NetworkReady',
  'CloudReady',
  'ServicesReady',
  'GatewayReady',
  'DatabasesReady',
] as const;
export type Step = (typeof STEPS)[number];

/** Choices of the claim of which a region has one variant at most: fields of `spec.platform`. */
export const SLOTS = ['mesh', 'secrets', 'metrics', 'logs', 'registry'] as const;
export type Slot = (typeof SLOTS)[number];

/** The part of a claim that decides which components are on; a region's spec has it too. */
export type Choices = Pick<
  PlatformSpec,
  'archival' | 'certificates' | 'cloud' | 'dns' | 'loadBalancer' | 'platform'
>;

/** Engines of the DataServices that a region hosts. */
export type Engines = ReadonlySet<string>;

export interface Context {
  readonly spec: PlatformSpec;
  /** Whether there are machines enough to run things twice. */
  readonly ha: boolean;
  /** Ids of the components that are on. */
  readonly on: ReadonlySet<string>;
}

/** A chart at an exact version. */
export interface Chart {
  /** https:// address of an index, or oci:// address of the folder that holds the chart. */
  readonly repository: string;
  readonly name: string;
  readonly version: string;
}

/** Memory of all its pods together, MiB. */
export interface Memory {
  /** On every machine. */
  readonly perNode: number;
  /** Once per region. */
  readonly fixed: number;
  /** Instead of `fixed` where things run twice. */
  readonly ha?: number;
  /** Where the numbers come from, with a date. */
  readonly source: string;
}

/** One key of a Secret of the control plane that becomes one value of a chart. */
export interface SecretValue {
  /** Dotted path of the value. */
  readonly name: string;
  readonly secret: string;
  readonly key: string;
  /** The Secret's value is a JSON object whose fields become the chart's top-level values; `name` is not used. */
  readonly json?: boolean;
}

/** A condition that a region must meet for a component to make sense in it. */
export interface Fit {
  /** In words that follow "needs": `cloud.provider "hetzner"`. */
  readonly needs: string;
  readonly test: (spec: Choices) => boolean;
}

export interface Definition {
  /** Id in the claim, name of the Helm release and key of the composed object: never changes. */
  readonly id: string;
  /** One line for the table of components. */
  readonly summary: string;
  readonly category: Category;
  readonly step: Step;
  /** The smallest profile that it is on in; left out, it is on only when asked for or needed. */
  readonly profile?: Profile;
  /** On while this variant of the slot is chosen, in its profile and the larger ones. */
  readonly slot?: { readonly name: Slot; readonly variant: string };
  readonly fit?: Fit;
  /** Whether something in the region uses it, so that it is on whatever the profile; in words, for messages. */
  readonly usedBy?: (engines: Engines) => string | undefined;
  /** Components that must be ready first, where the region has them. */
  readonly needs: readonly string[];
  /** Left out: it is made of objects alone, and `values` is the spec of the main one. */
  readonly chart?: Chart;
  readonly namespace: string;
  readonly memory: Memory;
  /** Values of the chart, before the user's are merged over them. */
  readonly values?: (context: Context) => JsonObject;
  /** Values that come from Secrets; never visible in any object of the control plane. */
  readonly secrets?: (context: Context) => readonly SecretValue[];
  /** Helm's limit for hooks, and for everything under `wait`; Go duration, 5m by default. */
  readonly timeout?: string;
  /** Leaves out the kinds in the chart's crds folder, which another component brings or nobody needs. */
  readonly skipCrds?: boolean;
  /** Why Helm must wait until the objects work; left out, it does not. */
  readonly wait?: string;
  /** Why the release is uninstalled when the region goes; left out, it dies with the machines. */
  readonly uninstall?: string;
  /** The objects, with `after` among themselves; one Helm release by default. */
  readonly nodes?: (component: Component, context: Context) => readonly Node[];
}

export interface Component extends Omit<Definition, 'nodes'> {
  readonly nodes: (context: Context) => readonly Node[];
}

/** Declares a component of the catalogue. */
export function defineComponent({ nodes, ...definition }: Definition): Component {
  const component: Component = {
    ...definition,
    nodes: (context) => nodes?.(component, context) ?? [helm(component, context)],
  };
  return component;
}
