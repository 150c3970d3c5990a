/** What is sent: requests with n observed resources. */
import { RunFunctionRequest } from '@crossplane-org/function-sdk-typescript';
import type { JsonObject } from '../functions/kernel/manifest.ts';

export interface Sample {
  /** Observed resources in the request. */
  readonly n: number;
  readonly request: RunFunctionRequest;
}

/** A small region, a large one, and more than a region should have. */
export const SIZES = [12, 120, 500] as const;

/** The request about a complete region with n observed resources. FILL IN: region composer and simulator; until then n Servers. */
export function regionRequest(n: number): RunFunctionRequest {
  return syntheticRequest(n);
}

/** n observed Servers of about 2 KB each, as provider and API server leave them. */
export function syntheticRequest(n: number): RunFunctionRequest {
  const servers = Array.from(
    { length: n },
    (_, index) => [`server-${index}`, { resource: server(index) }] as const,
  );
  return RunFunctionRequest.fromPartial({
    meta: { tag: 'b'.repeat(64), capabilities: [1, 2, 3, 4, 5] },
    observed: {
      composite: {
        resource: {
          apiVersion: 'platform.openova.io/v1alpha1',
          kind: 'XOpenOvaRegion',
          metadata: { name: 'bench', uid: '00000000-0000-4000-8000-000000000000' },
          spec: { pools: [{ name: 'general', count: n }] },
        },
      },
      resources: Object.fromEntries(servers),
    },
  });
}

function server(index: number): JsonObject {
  const name = `bench-server-${index}`;
  const key = `server-${index}`;
  const userData = '#cloud-config\n' + 'runcmd: [systemctl enable --now ssh]\n'.repeat(10);
  const labels = {
    'crossplane.io/composite': 'bench',
    'platform.openova.io/cluster': 'bench',
    'platform.openova.io/node': key,
  };
  return {
    apiVersion: 'server.hetzner.crossplane.io/v1alpha1',
    kind: 'Server',
    metadata: {
      name,
      uid: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
      resourceVersion: String(1000 + index),
      generation: 3,
      creationTimestamp: '2026-11-21T10:00:00Z',
      labels,
      annotations: {
        'crossplane.io/composition-resource-name': key,
        'crossplane.io/external-name': String(index),
      },
      managedFields: [
        {
          manager: `apiextensions.crossplane.io/composed/${'a'.repeat(64)}`,
          operation: 'Apply',
          apiVersion: 'server.hetzner.crossplane.io/v1alpha1',
          fieldsType: 'FieldsV1',
          fieldsV1: {
            'f:metadata': {
              'f:labels': Object.fromEntries(Object.keys(labels).map((label) => [`f:${label}`, {}])),
            },
            'f:spec': {
              'f:deletionPolicy': {},
              'f:forProvider': { 'f:image': {}, 'f:location': {}, 'f:serverType': {}, 'f:userData': {} },
              'f:providerConfigRef': { 'f:name': {} },
            },
          },
        },
      ],
    },
    spec: {
      deletionPolicy: 'Delete',
      providerConfigRef: { name: 'default' },
      forProvider: {
        name,
        image: 'debian-13',
        location: 'fsn1',
        serverType: 'cx33',
        labels,
        network: [
          { ip: `10.0.${Math.floor(index / 250)}.${(index % 250) + 2}`, networkId: 4711, aliasIps: [] },
        ],
        publicNet: [{ ipv4Enabled: true, ipv6Enabled: true }],
        userData,
      },
    },
    status: {
      atProvider: {
        id: String(index),
        status: 'running',
        ipv4Address: '192.0.2.1',
        ipv6Address: '2001:db8::1',
      },
      conditions: [
        { type: 'Ready', status: 'True', reason: 'Available', lastTransitionTime: '2026-11-21T10:01:00Z' },
        {
          type: 'Synced',
          status: 'True',
          reason: 'ReconcileSuccess',
          lastTransitionTime: '2026-11-21T10:01:00Z',
        },
      ],
    },
  };
}
