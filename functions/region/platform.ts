/** The region's platform: an XR of its own, because the circuit breaker and the message size count per XR. */
import type { Node } from '../kernel/graph.ts';
import { textAt, type JsonObject } from '../kernel/manifest.ts';
import { CLUSTER_LABEL, REGION_LABEL, RETRY_ANNOTATION } from '../kernel/names.ts';
import { memoryOf } from '../pricing/hetzner.ts';
import { secretNamespace } from './access.ts';
import { gatewayAddresses } from './gateway.ts';
import { networkName } from './hcloud.ts';
import { isDone, type Task } from './jobs.ts';
import { apiHost } from './k3s.ts';
import type { Region } from './region.ts';

/** The XOpenOvaPlatform, whose stage opens when every machine has joined once. */
export function planPlatform(region: Region, tasks: readonly Task[]): Node {
  const { xr, spec, observed, jobs } = region;
  const joined = tasks
    .filter(({ key }) => /^(server|agent)\//.test(key))
    .every(({ key }) => isDone(jobs, key));
  const opened = textAt(observed.get('platform'), 'spec', 'stage') === 'Platform';
  const retry = textAt(xr, 'metadata', 'annotations', RETRY_ANNOTATION);
  return {
    key: 'platform',
    step: 'PlatformReady',
    follows: true,
    after: ['provider-config/helm', 'provider-config/kubernetes'],
    manifest: {
      apiVersion: 'platform.openova.io/v1alpha1',
      kind: 'XOpenOvaPlatform',
      metadata: {
        labels: {
          [REGION_LABEL]: spec.name,
          ...(spec.cluster && { [CLUSTER_LABEL]: spec.cluster.name }),
        },
        ...(retry !== undefined && { annotations: { [RETRY_ANNOTATION]: retry } }),
      },
      spec: platformSpec(region, joined || opened ? 'Platform' : 'Network'),
    },
  };
}

/** The spec of the XOpenOvaPlatform. */
function platformSpec(region: Region, stage: 'Network' | 'Platform'): JsonObject {
  const { xr, xrName, spec, machines } = region;
  const { cidr, podCidr, serviceCidr, clusterId, clusterName } = spec.network;
  const existing = spec.cloud.provider === 'existing';
  const memories = machines.map(({ serverTypes }) => memoryOf(serverTypes[0] ?? ''));
  return {
    region: {
      name: spec.name,
      role: spec.role,
      ...(spec.location !== undefined && { location: spec.location }),
    },
    ...(spec.cluster && { cluster: spec.cluster }),
    domain: spec.domain,
    cloud: spec.cloud,
    kubernetes: spec.kubernetes,
    network: {
      cidr,
      podCidr,
      serviceCidr,
      clusterId,
      clusterName,
      ...(!existing && { networkName: networkName(region) }),
    },
    providerConfigName: xrName,
    stage,
    nodes: {
      servers: machines.filter(({ role }) => role === 'server').length,
      agents: machines.filter(({ role }) => role === 'agent').length,
      names: machines.map(({ name }) => name),
      memoryMiB: memories.reduce<number>((sum, memory) => sum + (memory ?? 0), 0),
    },
    secretNamespace: secretNamespace(xr),
    api: { host: apiHost(spec), port: 6443 },
    gatewayAddresses: gatewayAddresses(region),
    loadBalancer: spec.loadBalancer,
    ...(spec.dns && { dns: spec.dns }),
    ...(spec.archival && { archival: spec.archival }),
    certificates: spec.certificates,
    platform: spec.platform,
    blueprints: spec.blueprints,
    backup: spec.backup,
    maintenance: spec.maintenance,
    deletion: spec.deletion,
    peers: spec.peers,
  };
}
