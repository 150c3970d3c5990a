/** XOpenOvaPlatform: the components of one region, in the order in which they need each other. */
import { parsePlatform, type PlatformSpec } from '../apis/platform.ts';
import { STEPS, type Component, type Context, type Engines } from '../catalogue/component.ts';
import { catalogue } from '../catalogue/index.ts';
import { checkPlatform, isHa, selected } from '../catalogue/select.ts';
import { memoryNeeded } from '../catalogue/memory.ts';
import { enginesIn, servicesSelector } from '../data-service/discover.ts';
import type { After, Composer, Graph, Input, Node, Problem, Report } from '../kernel/graph.ts';
import { listAt, textAt, type Manifest } from '../kernel/manifest.ts';
import { CLAIM_NAME_LABEL, CLAIM_NAMESPACE_LABEL } from '../kernel/names.ts';
import { progress, progressStatus } from '../kernel/report.ts';
import type { Settled } from '../kernel/settle.ts';
import { RELEASE } from '../release.ts';
import { advise } from './hints.ts';

export { checkPlatform } from '../catalogue/select.ts';
export { memoryNeeded } from '../catalogue/memory.ts';

export const platformComposer: Composer<PlatformSpec> = {
  kind: 'XOpenOvaPlatform',
  parse: parsePlatform,
  requires: (_spec, xr) => {
    const namespace = claimNamespace(xr);
    return namespace === undefined ? {} : { services: servicesSelector(namespace) };
  },
  plan,
  report,
};

function plan(input: Input<PlatformSpec>): Graph {
  const { spec, xr } = input;
  const engines = enginesOf(input);
  const components = selected(spec, engines);
  const running = textAt(xr, 'status', 'release');
  const wanted = wantedRelease(spec, running);
  return {
    nodes: planComponents(components, contextOf(spec, components)),
    problems: [...checkPlatform(spec, engines), ...checkRelease(spec, wanted, running)],
    leaving: new Map(unwanted(input, components).map((key) => [key, []])),
    release: { running, wanted, installed: RELEASE },
  };
}

function contextOf(spec: PlatformSpec, components: readonly Component[]): Context {
  return {
    spec,
    ha: isHa(spec, spec.nodes.servers + spec.nodes.agents),
    on: new Set(components.map(({ id }) => id)),
  };
}

/** The objects of all components; each waits for every object of the components that its own needs. */
export function planComponents(components: readonly Component[], context: Context): Node[] {
  const nodes = new Map(components.map((component) => [component.id, component.nodes(context)]));
  return components.flatMap(({ id, needs, step }) => {
    const needed = needs.flatMap((need) => nodes.get(need) ?? []).map(({ key }) => key);
    const gate = step === 'NetworkReady' || context.spec.stage === 'Platform' ? [] : [JOINED];
    return (nodes.get(id) ?? []).map((node) => ({
      ...node,
      step,
      after: [...needed, ...gate, ...(node.after ?? [])],
    }));
  });
}

/** Until every machine has joined, only what makes machines Ready is installed; the region says when. */
const JOINED: After = { key: 'cilium', until: 'every machine has joined', test: () => false };

/**
 * Observed keys that the claim no longer wants, though the installed package still knows them: these leave also while
 * the region runs an older release.
 */
function unwanted({ spec, observed }: Input<PlatformSpec>, components: readonly Component[]): string[] {
  const wanted = keysOf(components, spec);
  const known = keysOf(catalogue, spec);
  return observed.ours
    .map(([key]) => key)
    .filter((key) => !wanted.has(key) && (known.has(key) || key.startsWith('node/')));
}

function keysOf(components: readonly Component[], spec: PlatformSpec): ReadonlySet<string> {
  const context = contextOf(spec, components);
  return new Set(components.flatMap((component) => component.nodes(context).map(({ key }) => key)));
}

function enginesOf({ spec, xr, required }: Input<PlatformSpec>): Engines {
  const regionClaim = xr.metadata.labels?.[CLAIM_NAME_LABEL];
  return new Set(
    enginesIn(required['services'] ?? [], {
      region: spec.region.name,
      ...(spec.cluster !== undefined && { cluster: spec.cluster.name }),
      ...(spec.cluster === undefined && regionClaim !== undefined && { regionClaim }),
    }),
  );
}

function claimNamespace(xr: Manifest): string | undefined {
  return xr.metadata.labels?.[CLAIM_NAMESPACE_LABEL];
}

/** The release that was asked for: by name, the installed one, or the one that runs. */
function wantedRelease({ platform: { release } }: PlatformSpec, running: string | undefined): string {
  if (release === 'latest') return RELEASE;
  return release ?? running ?? RELEASE;
}

function checkRelease(
  { platform: { release } }: PlatformSpec,
  wanted: string,
  running: string | undefined,
): Problem[] {
  const known = [...new Set([RELEASE, ...(running === undefined ? [] : [running])])].sort();
  if (known.includes(wanted)) return [];
  return [
    {
      field: 'spec.platform.release',
      message: `is "${release ?? wanted}", must be one of ${[...known, 'latest'].join(', ')}: no other is installed`,
    },
  ];
}

function report(input: Input<PlatformSpec>, settled: Settled): Report {
  const { xr, spec, observed } = input;
  const engines = enginesOf(input);
  const components = selected(spec, engines);
  const context = contextOf(spec, components);
  const isReady = (component: Component) =>
    component.nodes(context).every(({ key }) => settled.states.get(key)?.ready === true);
  const ready = components.filter(isReady);
  const pending = components.filter((component) => !ready.includes(component)).map(({ id }) => id);
  const made = progress(STEPS, settled, advise);
  const running = textAt(xr, 'status', 'release');
  const release = settled.ready && settled.updates.length === 0 ? RELEASE : running;
  return {
    status: {
      ...progressStatus(made),
      ...(release !== undefined && { release }),
      components: { ready: ready.length, total: components.length, pending: pending.sort() },
      networkReady: components
        .filter(({ step }) => step === 'NetworkReady')
        .every((component) => ready.includes(component)),
      ...(spec.loadBalancer.type === 'cilium-l2' && { gatewayAddresses: announced(observed.get('gateway')) }),
      operators: ready
        .filter(({ category }) => category === 'data')
        .map(({ id }) => id)
        .sort(),
      memoryMiB: memoryNeeded(spec, spec.nodes, engines),
    },
    conditions: made.conditions,
  };
}

/** The addresses that the Gateway got from the pool, as its object last saw them. */
function announced(gateway: Manifest | undefined): string[] {
  return listAt(gateway, 'status', 'atProvider', 'manifest', 'status', 'addresses')
    .flatMap((address) => textAt(address, 'value') ?? [])
    .sort();
}
