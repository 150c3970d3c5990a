/** XOpenOvaPlatform: what a region composes to have the platform installed. Internal; there is no claim. */
import * as z from 'zod';
import type { Parsed } from '../kernel/graph.ts';
import type { JsonObject, Manifest } from '../kernel/manifest.ts';
import { group, live, refused } from './describe.ts';
import * as fields from './fields.ts';
import { read, specOf, type Contract } from './parse.ts';
import { chosen, shared, type Certificates, type LoadBalancer } from './region.ts';

const STAGES = ['Network', 'Platform'] as const;

const PlatformSchema = z.strictObject({
  region: group(
    z.strictObject({
      name: refused(fields.regionName(), 'Name of the region'),
      role: live(z.enum(fields.ROLES).default('primary'), 'primary serves, standby follows'),
      location: refused(z.string().max(32).optional(), 'Location of the machines; none for existing ones'),
    }),
    'The region that the platform is installed in',
  ),
  cluster: group(
    z.strictObject({ name: refused(fields.objectName(), 'Name of the OpenOvaCluster') }).optional(),
    'The cluster that the region is part of; left out when it stands alone',
  ),
  domain: shared.domain,
  cloud: shared.cloud,
  kubernetes: shared.kubernetes,
  network: group(
    z.strictObject({
      cidr: refused(fields.cidr4(), 'Range of the private network'),
      podCidr: refused(fields.cidr4(), 'Range of the pods'),
      serviceCidr: refused(fields.cidr4(), 'Range of the services'),
      clusterId: refused(z.int().min(1).max(255), "Cilium's number of the region"),
      clusterName: refused(z.string().min(1).max(32), "Cilium's name of the region"),
      networkName: live(
        z.string().min(1).max(253).optional(),
        "The cloud's name of the private network, for its cloud controller",
      ),
    }),
    'Ranges and names of the network',
  ),
  providerConfigName: refused(
    fields.objectName(),
    'Name of the ProviderConfigs of provider-helm and provider-kubernetes',
  ),
  stage: live(
    z.enum(STAGES).default('Platform'),
    'Network installs only what makes nodes Ready, Platform everything',
  ),
  nodes: group(
    z.strictObject({
      servers: live(z.int().min(1).max(5), 'Machines of the control plane'),
      agents: live(z.int().min(0).max(1000), 'Machines that run workloads'),
      names: live(
        z.array(fields.objectName()).max(1000).default([]),
        'Names of the nodes that the cloud controller must have initialised',
      ),
      memoryMiB: live(z.int().min(0).max(100000000).default(0), 'Memory of all machines; 0 when unknown'),
    }),
    'How large the region is',
  ),
  secretNamespace: refused(
    fields.objectName(),
    'Namespace of the claim, where the Secrets it names are read',
  ),
  api: group(
    z.strictObject({
      host: live(fields.host(), 'Name of the Kubernetes API'),
      port: live(z.int().min(1).max(65535).default(6443), 'Port of the Kubernetes API'),
    }),
    'Where the Kubernetes API answers',
  ),
  gatewayAddresses: live(
    z.array(fields.ip()).max(200).default([]),
    'Public addresses at which the Gateway is reached, once known',
  ),
  loadBalancer: shared.loadBalancer,
  dns: shared.dns,
  archival: shared.archival,
  certificates: shared.certificates,
  platform: shared.platform,
  blueprints: shared.blueprints,
  backup: shared.backup,
  maintenance: shared.maintenance,
  deletion: shared.deletion,
  peers: fields.peers(),
});

type PlatformGiven = z.output<typeof PlatformSchema>;

export type PlatformSpec = Omit<PlatformGiven, 'loadBalancer' | 'certificates'> & {
  readonly loadBalancer: LoadBalancer;
  readonly certificates: Certificates;
};

export const platformContract: Contract<PlatformGiven> = {
  schema: PlatformSchema,
  rules: [],
  transitions: [],
  cel: [],
  least: {},
};

/** What can be read of a platform's spec in spite of its mistakes: only to look for more of them. */
export function soundPlatform(raw: JsonObject): PlatformSpec | undefined {
  const { sound } = read(platformContract, raw);
  return sound && { ...sound, ...chosen(sound) };
}

/** The input of an XOpenOvaPlatform. */
export function parsePlatform(xr: Manifest): Parsed<PlatformSpec> {
  const { given, problems } = read(platformContract, specOf(xr));
  if (given === undefined) return { ok: false, problems };
  return { ok: true, spec: { ...given, ...chosen(given) } };
}
