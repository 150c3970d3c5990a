/** XOpenOvaPlatform: the components of one region, in the order in which they need each other. */
import { parsePlatform, type PlatformSpec } from '../apis/platform.ts';
import { STEPS, type Component, type Context, type Engines } from '../catalogue/component.ts';
import { catalogue } from '../catalogue/index.ts';
import { isOlder, wantedRelease } from '../catalogue/release.ts';
import { checkPlatform, isHa, selected } from '../catalogue/select.ts';
import { memoryNeeded } from '../catalogue/memory.ts';
import { enginesIn, enginesUnplaced, servicesSelector } from '../data-service/discover.ts';
import { claimBehind, claimNamespaceOf } from '../kernel/claim.ts';
import type { After, Composer, Graph, Input, Node, Problem, Report } from '../kernel/graph.ts';
import { listAt, numberAt, textAt, type Manifest } from '../kernel/manifest.ts';
import { nameFor } from '../kernel/names.ts';
import { progress, progressStatus } from '../kernel/report.ts';
import type { Settled } from '../kernel/settle.ts';
import { RELEASE } from '../release.ts';
import { advise } from './hints.ts';

export const platformComposer: Composer<PlatformSpec> = {
  kind: 'XOpenOvaPlatform',
  parse: parsePlatform,
  requires: (_spec, xr) => {
    const namespace = claimNamespaceOf(xr);
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
    nodes: [
      ...planComponents(components, contextOf(spec, components)),
      ...planUsages(xr.metadata.name ?? '', spec, components),
    ],
    problems: [
      ...(isOlder(spec, running) ? [] : checkPlatform(spec, engines)),
      ...checkRelease(spec, wanted, running),
    ],
    leaving: new Map(givenUp(input, components).map((key) => [key, []])),
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

/**
 * The way into the cluster stays until what is uninstalled through it is gone. The provider's own ProviderConfigUsages do not
 * see to that: under Foreground deletion Kubernetes deletes them, as they belong to the Release, before the Release itself,
 * whose finalizer then waits for ever for a ProviderConfig that went. Seen on a live core 2.4.0 and provider-helm 1.3.0, 2026-11.
 */
function planUsages(xrName: string, spec: PlatformSpec, components: readonly Component[]): Node[] {
  return components
    .filter(({ uninstall }) => uninstall !== undefined)
    .map(({ id, step }) => ({
      key: `usage/provider-config/${id}`,
      step,
      after: [id],
      manifest: {
        apiVersion: 'protection.crossplane.io/v1beta1',
        kind: 'ClusterUsage',
        spec: {
          of: {
            apiVersion: 'helm.crossplane.io/v1beta1',
            kind: 'ProviderConfig',
            resourceRef: { name: spec.providerConfigName },
          },
          by: {
            apiVersion: 'helm.crossplane.io/v1beta1',
            kind: 'Release',
            resourceRef: { name: nameFor(xrName, id) },
          },
          reason: 'The cluster is reached this way until the release is uninstalled',
          replayDeletion: true,
        },
      },
    }));
}

/** Until every machine has joined, only what makes machines Ready is installed; the region says when. */
const JOINED: After = { key: 'cilium', until: 'every machine has joined', test: () => false };

/**
 * Observed keys of which the claim itself says that it no longer wants them: these leave also while the region runs an
 * older release. A newer package that knows a component no longer, or has it in a larger profile, does not say so.
 */
function givenUp(input: Input<PlatformSpec>, components: readonly Component[]): string[] {
  const { spec, observed } = input;
  const engines = enginesOf(input);
  const wanted = keysOf(components, spec);
  const unwanted = catalogue.filter((component) => isGivenUp(component, spec, engines));
  const known = keysOf(unwanted, spec);
  const nodes = new Set(spec.nodes.names.map((name) => `node/${name}`));
  return observed.ours
    .map(([key]) => key)
    .filter((key) => !wanted.has(key) && (known.has(key) || (key.startsWith('node/') && !nodes.has(key))));
}

function isGivenUp(
  { id, fit, slot, profile, usedBy }: Component,
  spec: PlatformSpec,
  engines: Engines,
): boolean {
  const { platform } = spec;
  const asked = platform.components[id]?.enabled;
  const chosen = slot && platform[slot.name];
  return (
    asked === false ||
    fit?.test(spec) === false ||
    (chosen !== undefined && chosen !== slot?.variant) ||
    (asked === undefined && profile === undefined && usedBy?.(engines) === undefined)
  );
}

function keysOf(components: readonly Component[], spec: PlatformSpec): ReadonlySet<string> {
  const context = contextOf(spec, components);
  return new Set(components.flatMap((component) => component.nodes(context).map(({ key }) => key)));
}

/** A service that does not say where it lives switches no operator on, and keeps those that are there for its engine. */
function enginesOf({ spec, xr, observed, required }: Input<PlatformSpec>): Engines {
  const regionClaim = claimBehind(xr)?.name;
  const services = required['services'] ?? [];
  const place = {
    region: spec.region.name,
    ...(spec.cluster !== undefined && { cluster: spec.cluster.name }),
    ...(spec.cluster === undefined && regionClaim !== undefined && { regionClaim }),
  };
  const always = new Set(selected(spec, new Set()));
  const isServed = (engine: string) =>
    selected(spec, new Set([engine])).some(
      (component) => !always.has(component) && observed.get(component.id) !== undefined,
    );
  return new Set([...enginesIn(services, place), ...enginesUnplaced(services, place).filter(isServed)]);
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
  const components = runningComponents(input, settled);
  const ready = components.filter((component) => component.ready);
  const pending = components.filter((component) => !component.ready).map(({ id }) => id);
  const made = progress(STEPS, settled, advise);
  const running = textAt(xr, 'status', 'release');
  const older = isOlder(spec, running);
  // What an older release needs, a newer package does not know.
  const memoryMiB = older ? numberAt(xr, 'status', 'memoryMiB') : undefined;
  const release = settled.ready && !older ? RELEASE : running;
  return {
    status: {
      ...progressStatus(made),
      ...(release !== undefined && { release }),
      components: { ready: ready.length, total: components.length, pending: pending.sort() },
      networkReady: components.every((component) => component.step !== 'NetworkReady' || component.ready),
      ...(spec.loadBalancer.type === 'cilium-l2' && { gatewayAddresses: announced(observed.get('gateway')) }),
      operators: ready
        .filter(({ operator }) => operator)
        .map(({ id }) => id)
        .sort(),
      memoryMiB: memoryMiB ?? memoryNeeded(spec, spec.nodes, engines),
    },
    conditions: made.conditions,
  };
}

interface RunningComponent {
  readonly id: string;
  readonly step: string | undefined;
  readonly operator: boolean;
  readonly ready: boolean;
}

/**
 * The components that the region has or is getting: those of the installed package, without what it would only add to an
 * older release, and those of the older release that the package no longer has.
 */
function runningComponents(input: Input<PlatformSpec>, settled: Settled): RunningComponent[] {
  const { xr, spec, observed } = input;
  const components = selected(spec, enginesOf(input));
  const context = contextOf(spec, components);
  const known = components.flatMap((component): RunningComponent[] => {
    const { id, step, category } = component;
    const nodes = component.nodes(context);
    const states = nodes.flatMap(({ key }) => settled.states.get(key) ?? []);
    if (nodes.length > 0 && states.length === 0) return [];
    const ready = states.every((state) => state.ready);
    return [{ id, step, operator: category === 'data', ready }];
  });
  const ids = new Set(known.map(({ id }) => id));
  const operators = listAt(xr, 'status', 'operators');
  const idOf = (key: string) => key.split('/', 1)[0] ?? '';
  const gone = new Set(
    settled.retained.map(idOf).filter((id) => !ids.has(id) && id !== 'node' && id !== 'usage'),
  );
  return [
    ...known,
    ...[...gone].map((id) => ({
      id,
      step: undefined,
      operator: operators.includes(id),
      ready: settled.retained.every((key) => idOf(key) !== id || observed.isReady(key)),
    })),
  ];
}

/** The addresses that the Gateway got from the pool, as its object last saw them. */
function announced(gateway: Manifest | undefined): string[] {
  return listAt(gateway, 'status', 'atProvider', 'manifest', 'status', 'addresses')
    .flatMap((address) => textAt(address, 'value') ?? [])
    .sort();
}
