/** A newer package beside the installed one: the same functions with another release, charts, values and objects. */
import * as fc from 'fast-check';
import { vi } from 'vitest';
import type { Component } from '../../../functions/catalogue/component.ts';
import type { Node, Template } from '../../../functions/kernel/graph.ts';
import { objectAt, withField, type Json } from '../../../functions/kernel/manifest.ts';
import type { Port } from '../../../functions/region/ports.ts';
import { CHARTS } from '../../../functions/release.ts';
import type { Run } from './life.ts';

export const NEWER = '0.2';

/** What a newer package does otherwise; components by their place in the catalogue. */
export interface Edition {
  /** Components whose charts are newer. */
  readonly charts: readonly number[];
  /** Components that get another value. */
  readonly values: readonly number[];
  /** Components that there are no longer. */
  readonly dropped: readonly number[];
  /** Components that are only in the largest profile from now on. */
  readonly demoted: readonly number[];
  /** Components with one more object, which others wait for. */
  readonly added: readonly number[];
  /** Whether the added objects are of a kind that nothing else of the platform is. */
  readonly ofNewKind: boolean;
  /** Whether the firewall opens one port more. */
  readonly port: boolean;
  /** Whether K3s is started with one flag more. */
  readonly flag: boolean;
}

const some = fc.uniqueArray(fc.nat(30), { maxLength: 3 });

export const editions: fc.Arbitrary<Edition> = fc.record({
  charts: some,
  values: some,
  dropped: some,
  demoted: some,
  added: some,
  ofNewKind: fc.boolean(),
  port: fc.boolean(),
  flag: fc.boolean(),
});

export interface NewerPackage {
  readonly run: Run;
  /** Makes this the content of the newer package. */
  publish(edition: Edition): void;
}

/** Loads all functions a second time, with what an edition changes in their place. */
export async function newerPackage(): Promise<NewerPackage> {
  let edition: Edition | undefined;
  const catalogue: Component[] = [];
  const ports: Port[] = [];
  const original: { components: readonly Component[]; ports: readonly Port[] } = {
    components: [],
    ports: [],
  };

  vi.resetModules();
  vi.doMock('../../../functions/release.ts', () => ({
    CHARTS,
    RELEASE: NEWER,
    VERSION: `${NEWER}.0`,
    IMAGE: `ghcr.io/openova/function-openova:v${NEWER}.0`,
  }));
  vi.doMock('../../../functions/catalogue/index.ts', async (load) => {
    const { catalogue: components } = await load<typeof import('../../../functions/catalogue/index.ts')>();
    original.components = components;
    return { catalogue };
  });
  vi.doMock('../../../functions/region/ports.ts', async (load) => {
    const loaded = await load<typeof import('../../../functions/region/ports.ts')>();
    original.ports = loaded.FIREWALL_PORTS;
    return { ...loaded, FIREWALL_PORTS: ports };
  });
  vi.doMock('../../../functions/region/k3s.ts', async (load) => {
    const loaded = await load<typeof import('../../../functions/region/k3s.ts')>();
    const serverConfig: typeof loaded.serverConfig = (spec) => ({
      ...loaded.serverConfig(spec),
      ...(edition?.flag === true && { 'newer-flag': true }),
    });
    return { ...loaded, serverConfig };
  });
  const { runFunction } = await import('../../../functions/functions.ts');
  for (const path of ['release', 'catalogue/index', 'region/ports', 'region/k3s'])
    vi.doUnmock(`../../../functions/${path}.ts`);
  vi.resetModules();

  return {
    run: runFunction,
    publish: (next) => {
      edition = next;
      const { components } = original;
      const is = (list: readonly number[], index: number) =>
        list.some((place) => place % components.length === index);
      const kept = components.flatMap((component, index) =>
        is(next.dropped, index)
          ? []
          : [
              changed(component, {
                chart: is(next.charts, index),
                value: is(next.values, index),
                // What smaller profiles need stays in them: a package that forgot that would not be published.
                demoted:
                  is(next.demoted, index) && !components.some(({ needs }) => needs.includes(component.id)),
                added: is(next.added, index) ? (next.ofNewKind ? NEW_KIND : KNOWN_KIND) : undefined,
              }),
            ],
      );
      catalogue.splice(0, catalogue.length, ...kept);
      ports.splice(0, ports.length, ...original.ports, ...(next.port ? [NEWER_PORT] : []));
    },
  };
}

const NEWER_PORT: Port = {
  name: 'newer',
  port: '9999',
  protocol: 'tcp',
  description: 'opened by a newer package',
  from: ({ managementCidrs }) => managementCidrs,
};

const KNOWN_KIND: Template = {
  apiVersion: 'kubernetes.crossplane.io/v1alpha2',
  kind: 'Object',
  spec: { forProvider: { manifest: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'newer' } } } },
};
export const NEW_KIND: Template = { apiVersion: 'newer.example.org/v1', kind: 'Newer', spec: {} };

interface Changed {
  readonly chart: boolean;
  readonly value: boolean;
  readonly demoted: boolean;
  readonly added: Template | undefined;
}

function changed(component: Component, { chart, value, demoted, added }: Changed): Component {
  return {
    ...component,
    ...(demoted && component.profile !== undefined && { profile: 'full' }),
    nodes: (context) => {
      const nodes = component.nodes(context).map((node): Node => {
        const spec = objectAt(node.manifest, 'spec', 'forProvider');
        const set = (path: string[], to: Json) => {
          const next = withField(node.manifest, ['spec', 'forProvider', ...path], to);
          return { ...node.manifest, spec: next['spec'] };
        };
        if (chart && spec?.['chart'] !== undefined)
          return { ...node, manifest: set(['chart', 'version'], '99.0.0') };
        if (value && spec?.['values'] !== undefined)
          return { ...node, manifest: set(['values', 'newer'], true) };
        if (value && spec?.['manifest'] !== undefined)
          return { ...node, manifest: set(['manifest', 'spec', 'newer'], true) };
        return node;
      });
      if (added === undefined) return nodes;
      const providerConfigRef = { name: context.spec.providerConfigName };
      const manifest = { ...added, spec: { ...objectAt(added, 'spec'), providerConfigRef } };
      const more: Node = { key: `${component.id}/newer`, manifest };
      return [more, ...nodes.map((node) => ({ ...node, after: [...(node.after ?? []), more.key] }))];
    },
  };
}
