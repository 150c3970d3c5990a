/** Two small kinds of composites on the real kernel: XToy makes a network, servers one after another, and an XPart. */
import type { RunFunctionRequest, RunFunctionResponse } from '@crossplane-org/function-sdk-typescript';
import { compose } from '../../functions/kernel/compose.ts';
import type { Composer, Node, Problem, Template } from '../../functions/kernel/graph.ts';
import { isObject, listAt, numberAt, textAt, type Manifest } from '../../functions/kernel/manifest.ts';
import { inProcess } from '../../functions/simulator/call.ts';
import { readDefinitions } from '../../functions/simulator/definitions.ts';
import type { Setup } from '../../functions/simulator/reconcile.ts';

const GROUP = 'toys.openova.io';
export const API_VERSION = `${GROUP}/v1`;

function xrd(kind: string, spec: Manifest['spec'], claimKind?: string): Manifest {
  const status = {
    type: 'object',
    properties: { phase: { type: 'string' }, network: { type: 'string' }, secrets: { type: 'integer' } },
  };
  return {
    apiVersion: 'apiextensions.crossplane.io/v1',
    kind: 'CompositeResourceDefinition',
    metadata: { name: `${kind.toLowerCase()}s.${GROUP}` },
    spec: {
      group: GROUP,
      scope: 'LegacyCluster',
      names: { kind, plural: `${kind.toLowerCase()}s` },
      ...(claimKind !== undefined && {
        claimNames: { kind: claimKind, plural: `${claimKind.toLowerCase()}s` },
      }),
      versions: [
        {
          name: 'v1',
          served: true,
          referenceable: true,
          schema: { openAPIV3Schema: { type: 'object', properties: { spec, status } } },
        },
      ],
    },
  };
}

export const DEFINITIONS = readDefinitions([
  xrd(
    'XToy',
    {
      type: 'object',
      properties: {
        servers: { type: 'integer', default: 1 },
        part: { type: 'boolean', default: true },
        size: { type: 'string' },
        pools: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
          items: {
            type: 'object',
            properties: { name: { type: 'string' }, count: { type: 'integer', default: 1 } },
          },
        },
      },
    },
    'Toy',
  ),
  xrd('XPart', { type: 'object', properties: { of: { type: 'string' } } }),
]);

interface ToySpec {
  readonly servers: number;
  readonly part: boolean;
  readonly size: string;
}

export const NETWORK = 'network.hetzner.crossplane.io/v1alpha1';
export const SERVER = 'server.hetzner.crossplane.io/v1alpha1';

function managed(apiVersion: string, kind: string, forProvider: Template['spec']): Template {
  return { apiVersion, kind, spec: { forProvider } };
}

export const toyComposer: Composer<ToySpec> = {
  kind: 'XToy',
  parse(xr) {
    const size = textAt(xr, 'spec', 'size') ?? 'small';
    const problems: Problem[] =
      size === 'wrong' ? [{ field: 'spec.size', message: 'is "wrong", must be small or large' }] : [];
    if (problems.length > 0) return { ok: false, problems };
    const spec = {
      servers: numberAt(xr, 'spec', 'servers') ?? 1,
      part: isObject(xr['spec']) && xr['spec']['part'] === true,
      size,
    };
    return { ok: true, spec };
  },
  requires: () => ({
    secrets: { apiVersion: 'v1', kind: 'Secret', namespace: 'team', labels: { toy: 'yes' } },
  }),
  plan({ xr, spec }) {
    const name = xr.metadata.name ?? '';
    const servers = Array.from({ length: spec.servers }, (_, index): Node => ({
      key: `server/${index + 1}`,
      after: index === 0 ? ['network'] : [`server/${index}`],
      frozen: ['spec.forProvider.image'],
      manifest: managed(SERVER, 'Server', {
        name: `${name}-${index + 1}`,
        image: spec.size,
        placementGroupIdRef: { name: `${name}-group` },
      }),
    }));
    const part: Node = {
      key: 'part',
      after: ['server/1'],
      manifest: { apiVersion: API_VERSION, kind: 'XPart', spec: { of: name } },
    };
    return {
      nodes: [
        {
          key: 'network',
          manifest: managed(NETWORK, 'Network', { name, ipRange: '10.0.0.0/16', size: spec.size }),
        },
        { key: 'group', manifest: managed(SERVER, 'PlacementGroup', { name, type: 'spread' }) },
        ...servers,
        ...(spec.part ? [part] : []),
      ],
    };
  },
  report: ({ required, observed }) => ({
    status: {
      secrets: required['secrets']?.length ?? 0,
      phase: textAt(observed.get('part'), 'status', 'phase') ?? 'none',
      unknown: 'pruned',
    },
    conditions: [{ type: 'Seen', status: 'True', reason: 'Seen' }],
  }),
};

export const partComposer: Composer<{ readonly of: string }> = {
  kind: 'XPart',
  parse: (xr) => ({ ok: true, spec: { of: textAt(xr, 'spec', 'of') ?? '' } }),
  plan: () => ({
    nodes: [
      {
        key: 'config',
        manifest: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'team' }, data: { a: 'b' } },
      },
    ],
  }),
  report: ({ observed }) => ({
    status: { phase: observed.get('config') ? 'Ready' : 'Waiting' },
    conditions: [],
  }),
};

export function runToys(request: RunFunctionRequest): RunFunctionResponse {
  return request.observed?.composite?.resource?.['kind'] === 'XToy'
    ? compose(toyComposer, request)
    : compose(partComposer, request);
}

export const TOYS: Setup = { definitions: DEFINITIONS, call: inProcess(runToys) };

export function toy(spec: Manifest['spec'] = {}, name = 'one'): Manifest {
  return { apiVersion: API_VERSION, kind: 'Toy', metadata: { name, namespace: 'team' }, spec };
}

export const TOY_ID = 'XToy.toys.openova.io/one-local';
export const CLAIM_ID = 'Toy.toys.openova.io/team/one';
export const serverId = (ordinal: number) =>
  `Server.server.hetzner.crossplane.io/one-local-server-${ordinal}`;
export const NETWORK_ID = 'Network.network.hetzner.crossplane.io/one-local-network';
export const PART_ID = 'XPart.toys.openova.io/one-local-part';

/** The managedFields entries of a manager whose name begins so. */
export function fieldsOfManager(object: Manifest | undefined, manager: string): Manifest['spec'][] {
  return listAt(object, 'metadata', 'managedFields')
    .filter(isObject)
    .filter((entry) => textAt(entry, 'manager')?.startsWith(manager) === true)
    .map((entry) => entry['fieldsV1']);
}
