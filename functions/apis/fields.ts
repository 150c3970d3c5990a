/** The parts of which the specs of clusters, regions and platforms are made. Their words are the documentation. */
import * as z from 'zod';
import { group, live, named, newMachines, refused, rolling } from './describe.ts';
import { isObject, type JsonObject } from '../kernel/manifest.ts';

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const NAME = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const HOST = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const DOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+$/;
const CIDR = /^[0-9a-fA-F.:]+\/[0-9]{1,3}$/;
const CIDR4 = /^[0-9]{1,3}(\.[0-9]{1,3}){3}\/[0-9]{1,2}$/;
const IP = /^[0-9a-fA-F.:]+$/;
const IP4 = /^[0-9]{1,3}(\.[0-9]{1,3}){3}$/;
const HTTPS = /^https:\/\/[^\s]+$/;

const SHAPE = 'lower-case letters, digits and dashes, beginning with a letter';

/** The name of a region: short, because it is part of the names of machines, Jobs and records. */
export const regionName = () => z.string().min(1).max(12).regex(NAME).meta({ example: 'fsn', shape: SHAPE });
/** The name of a pool or of an existing machine: part of the names of machines and Jobs. */
export const poolName = () => z.string().min(1).max(16).regex(NAME).meta({ example: 'general', shape: SHAPE });
/** The name of any Kubernetes object. */
export const objectName = () => z.string().min(1).max(253).regex(HOST).meta({ example: 'acme', shape: 'lower-case letters, digits, dashes and dots' });
export const host = () =>
  z.string().min(1).max(253).regex(HOST).meta({ example: 'api.fsn.acme.example.com' });
export const domainName = () =>
  z.string().min(3).max(189).regex(DOMAIN).meta({ example: 'acme.example.com' });
export const url = (example: string) => z.string().max(253).regex(HTTPS).meta({ example });
/** An IPv4 or IPv6 range; that its host bits are zero is a rule, so that the message can say so. */
export const cidr = () => z.string().max(43).regex(CIDR).meta({ example: '192.0.2.10/32' });
/** An IPv4 range. */
export const cidr4 = () => z.string().max(18).regex(CIDR4).meta({ example: '10.0.0.0/16' });
export const ip = () => z.string().max(39).regex(IP).meta({ example: '203.0.113.7' });
export const ip4 = () => z.string().max(15).regex(IP4).meta({ example: '203.0.113.7' });
export const quantity = () =>
  z
    .string()
    .min(1)
    .max(16)
    .regex(/^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$/)
    .meta({ example: '50Gi' });

/** A field of a schedule: values, ranges and steps of what one value may be. */
function cronField(value: string): string {
  const part = `(\\*|\\?|${value}(-${value})?)(/[1-9][0-9]?)?`;
  return `${part}(,${part})*`;
}

/** Ranges as K3s and CloudNativePG read them. Source: github.com/robfig/cron v3, spec.go, 2026-11. */
const CRON = [
  '[0-5]?[0-9]',
  '([01]?[0-9]|2[0-3])',
  '(0?[1-9]|[12][0-9]|3[01])',
  '(0?[1-9]|1[0-2]|[A-Za-z]{3})',
  '([0-6]|[A-Za-z]{3})',
]
  .map(cronField)
  .join(' ');
const CRON_RANGES = 'minute 0-59, hour 0-23, day 1-31, month 1-12, weekday 0-6';

const schedule = (pattern: RegExp, meta: { readonly example: string; readonly shape: string }) =>
  z.string().min(1).max(64).regex(pattern).meta(meta);
/** A schedule of five fields. */
export const cron = () =>
  schedule(new RegExp(`^(@(hourly|daily|weekly|monthly)|${CRON})$`), {
    example: '0 */6 * * *',
    shape: `five fields such as 0 */6 * * *: ${CRON_RANGES}`,
  });
/** A schedule whose first field are seconds. */
export const cronWithSeconds = () =>
  schedule(new RegExp(`^${cronField('[0-5]?[0-9]')} ${CRON}$`), {
    example: '0 0 2 * * *',
    shape: `six fields such as 0 0 2 * * *: second 0-59, ${CRON_RANGES}`,
  });

const uuid = () =>
  z
    .string()
    .length(36)
    .regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    .meta({ example: '3f2504e0-4f89-41d3-9a0c-0305e82c3301' });

/** Free-form settings that only a chart or an engine can judge. */
const freeForm = () =>
  z.custom<JsonObject>(isObject).meta({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true });

/** A reference to a Secret of the claim's namespace. */
const namedSecretRef = () => z.strictObject({ name: live(objectName(), 'Name of the Secret') });

/** Which providers of clouds there are words for. Those that are not available yet are refused by a rule. */
const CLOUDS = ['aws', 'azure', 'existing', 'gcp', 'hetzner', 'huawei', 'oci'] as const;
export const AVAILABLE_CLOUDS = ['existing', 'hetzner'] as const;

export const cloud = () =>
  z.strictObject({
    provider: refused(
      z.enum(CLOUDS).default('hetzner'),
      'Where the machines come from: hetzner makes them, existing takes machines with SSH that are there already. The others are not available yet',
    ),
    providerConfigRef: group(
      z
        .strictObject({
          name: refused(objectName().default('default'), 'Name of the ProviderConfig of provider-hetzner'),
        })
        .prefault({}),
      'Credentials with which the control plane makes cloud objects',
    ),
    tokenSecretRef: group(
      namedSecretRef().optional(),
      "Secret in the claim's namespace whose key token holds the cloud's API token; the region's cloud controller and volumes use it. Required on Hetzner",
    ),
  });
export type Cloud = z.output<ReturnType<typeof cloud>>;

export const kubernetes = () =>
  z.strictObject({
    version: rolling(
      // facts: K3s stable channel and what hcloud-cloud-controller-manager is tested with, 2026-11
      z
        .string()
        .max(24)
        .regex(/^v1\.[0-9]{1,2}\.[0-9]{1,2}\+k3s[0-9]$/)
        .meta({ example: 'v1.36.3+k3s1' })
        .default('v1.36.3+k3s1'),
      'Exact version of K3s. It goes up by one minor version at most, and never down',
    ),
    mirror: live(
      url('https://mirror.example.com/k3s').optional(),
      'Where machines fetch K3s and its checksums from: a mirror of https://github.com/k3s-io/k3s/releases/download, for networks that do not reach GitHub',
    ),
    maxPods: newMachines(z.int().min(30).max(250).default(110), 'Most pods on one machine'),
  });

export const image = () =>
  newMachines(
    z
      .string()
      .min(1)
      .max(64)
      .regex(/^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/)
      .meta({ example: 'ubuntu-24.04' })
      .default('ubuntu-24.04'),
    'Operating system of the machines made: an image of the cloud, by name or id. Existing machines bring their own',
  );

const serverTypes = () =>
  z
    .array(
      z
        .string()
        .min(2)
        .max(16)
        .regex(/^[a-z][a-z0-9]*$/)
        .meta({ example: 'cx43' }),
    )
    .min(1)
    .max(5);

/** Servers that a region gets when nothing is said. */
export const DEFAULT_SERVERS = 3;
export const DEFAULT_SERVER_TYPES: readonly string[] = ['cx33'];
export const DEFAULT_AGENTS = 2;
export const DEFAULT_AGENT_TYPES: readonly string[] = ['cx43'];

export const controlPlane = () =>
  z.strictObject({
    count: live(
      z.literal([1, 3, 5]).optional(),
      'Machines that run the Kubernetes API and etcd: 1, 3 or 5, so that a majority is always possible',
      { otherwise: '3; of existing machines, those with role server' },
    ),
    serverTypes: newMachines(
      serverTypes().optional(),
      "The cloud's machine types, best first: the next one is tried only when the first is out of stock at creation. One architecture",
      { otherwise: '[cx33]' },
    ),
  });

const EFFECTS = ['NoExecute', 'NoSchedule', 'PreferNoSchedule'] as const;

export const pool = () =>
  z.strictObject({
    name: refused(poolName(), 'Name of the pool; part of the names of its machines'),
    count: live(z.int().min(0).max(100).optional(), 'Machines in the pool', {
      otherwise: '2; of existing machines, those that name the pool',
    }),
    serverTypes: newMachines(
      serverTypes().optional(),
      "The cloud's machine types, best first: the next one is tried only when the first is out of stock at creation. One architecture",
      { otherwise: '[cx43]' },
    ),
    labels: live(
      z
        .record(z.string().min(1).max(63), z.string().max(63))
        .refine((labels) => Object.keys(labels).length <= 20, 'must have at most 20 entries')
        .meta({ maxProperties: 20 })
        .default({}),
      'Labels of the Kubernetes nodes',
    ),
    taints: live(
      z
        .array(
          z.strictObject({
            key: live(z.string().min(1).max(128), 'Key of the taint'),
            value: live(z.string().max(63).default(''), 'Value of the taint'),
            effect: live(z.enum(EFFECTS), 'What happens to pods that do not tolerate the taint'),
          }),
        )
        .max(10)
        .default([]),
      'Taints of the Kubernetes nodes',
    ),
  });

export const pools = () =>
  group(
    named(pool(), { max: 10 }).optional(),
    'Machines that run workloads. With no machine in any pool, workloads run on the control plane',
    { otherwise: '[{name: general}]' },
  );

export const machine = () =>
  z.strictObject({
    name: refused(poolName(), 'Name of the machine'),
    address: refused(host(), 'Address or DNS name at which SSH answers').meta({ example: '203.0.113.7' }),
    privateAddress: refused(
      ip().optional(),
      "Address at which the region's machines reach each other, when it is another one",
      { otherwise: 'address' },
    ),
    sshPort: live(
      z.int().min(1).max(65535).default(22),
      'Port at which SSH answers; the program logs in as root',
    ),
    hostKey: live(
      z
        .string()
        .max(1024)
        .regex(/^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/]+=*$/)
        .meta({ example: 'ssh-ed25519 AAAA…' }),
      'Public SSH host key of the machine: type and key, as ssh-keyscan prints them',
    ),
    role: refused(
      z.enum(['agent', 'server']),
      'server runs the Kubernetes API and etcd, agent runs workloads',
    ),
    pool: live(poolName().default('general'), 'Pool whose labels and taints an agent gets'),
  });
export type Machine = z.output<ReturnType<typeof machine>>;

export const machines = () =>
  group(
    named(machine(), { max: 100 }).default([]),
    'Machines that exist already, for cloud provider existing; an odd number of them with role server',
  );

export const access = () =>
  z.strictObject({
    managementCidrs: live(
      z.array(cidr()).max(20).default([]),
      "Ranges from which this control plane's own traffic comes; allowed to ports 22 and 6443 for the cluster's life. Required on Hetzner",
    ),
    authorizedKeys: newMachines(
      z
        .array(
          z
            .string()
            .max(1024)
            .regex(
              /^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|sk-ssh-ed25519@openssh\.com|sk-ecdsa-sha2-nistp256@openssh\.com) [A-Za-z0-9+/]+=*( [^\n]*)?$/,
            )
            .meta({ example: 'ssh-ed25519 AAAA… ops' }),
        )
        .max(20)
        .default([]),
      "People's public SSH keys; the key pair that installs machines is generated and needs no mention",
    ),
    apiAllowedCidrs: live(
      z.array(cidr()).max(20).default([]),
      'Further ranges that may reach the Kubernetes API (port 6443)',
    ),
    sshAllowedCidrs: live(z.array(cidr()).max(20).default([]), 'Further ranges that may reach SSH (port 22)'),
  });
export type Access = z.output<ReturnType<typeof access>>;

export const LOAD_BALANCERS = ['cilium-l2', 'cloud', 'k8gb'] as const;

export const loadBalancer = () =>
  z.strictObject({
    type: live(
      z.enum(LOAD_BALANCERS).optional(),
      "How traffic reaches the region's Gateway: cloud is the cloud's load balancer, k8gb points DNS at the machines themselves, cilium-l2 announces addresses on a shared segment (existing machines only)",
      { otherwise: 'cloud; with existing machines k8gb' },
    ),
    size: live(z.enum(['lb11', 'lb21', 'lb31']).default('lb11'), "Hetzner's type of load balancer"),
    api: live(
      z.boolean().default(false),
      "Whether the load balancer serves the Kubernetes API too. Hetzner's firewalls do not filter load balancers, so this opens the API to the world and cannot go together with access.apiAllowedCidrs",
    ),
    addresses: live(
      z.array(cidr()).max(10).default([]),
      'Ranges of addresses to announce, for type cilium-l2',
    ),
  });

export const DNS_PROVIDERS = ['azure', 'clouddns', 'cloudflare', 'hetzner', 'route53'] as const;

export const dns = () =>
  z.strictObject({
    provider: live(z.enum(DNS_PROVIDERS), 'Who serves the zone'),
    zone: live(domainName(), 'Zone in which the records are made; the domain is the zone or lies in it'),
    zoneId: live(
      z
        .string()
        .min(1)
        .max(128)
        .regex(/^[A-Za-z0-9_-]+$/)
        .meta({ example: '023e105f4ecef8ad9ca31a8372d0c353' })
        .optional(),
      "The provider's own id of the zone: zone ID of Cloudflare, hosted zone ID of Route 53, managed zone name of Cloud DNS",
      { otherwise: 'records refer to a managed resource named as the zone, with dashes for dots' },
    ),
    resourceGroup: live(
      z
        .string()
        .min(1)
        .max(90)
        .regex(/^[-A-Za-z0-9_.()]+$/)
        .meta({ example: 'dns' })
        .optional(),
      'Resource group of the zone; required with azure, and only there',
    ),
    project: live(
      z
        .string()
        .min(6)
        .max(30)
        .regex(/^[a-z][-a-z0-9]*[a-z0-9]$/)
        .meta({ example: 'acme-prod' })
        .optional(),
      'Google Cloud project of the zone; required with clouddns, and only there',
    ),
    servicePrincipal: group(
      z
        .strictObject({
          tenantId: live(uuid(), 'Directory of the application'),
          subscriptionId: live(uuid(), 'Subscription of the zone'),
          clientId: live(uuid(), 'The application itself; its secret is the key clientSecret of secretRef'),
        })
        .optional(),
      'Application with which the region changes the zone; required with azure and secretRef',
    ),
    providerConfigRef: group(
      z
        .strictObject({ name: live(objectName().default('default'), 'Name of the ProviderConfig') })
        .prefault({}),
      "ProviderConfig of the DNS provider's package, with which the control plane makes records",
    ),
    secretRef: group(
      namedSecretRef().optional(),
      "Secret in the claim's namespace that ExternalDNS and cert-manager use in the region: key token for cloudflare and hetzner, accessKeyId and secretAccessKey for route53, serviceAccount (JSON) for clouddns, clientSecret for azure. The values hold no comma and no backslash, but for JSON",
    ),
  });
export type Dns = z.output<ReturnType<typeof dns>>;

export const ARCHIVES = ['azureblob', 'gcs', 'r2', 's3'] as const;

export const archival = () =>
  z.strictObject({
    provider: live(z.enum(ARCHIVES), 'Kind of object storage'),
    bucket: live(
      z
        .string()
        .min(3)
        .max(63)
        .regex(/^[a-z0-9]([-._a-z0-9]*[a-z0-9])?$/)
        .meta({ example: 'acme-archive' }),
      'Bucket, or container of azureblob',
    ),
    endpoint: live(
      url('https://ACCOUNT.r2.cloudflarestorage.com').optional(),
      "Address of the storage; required with r2, and for storage that speaks S3 but is not Amazon's",
    ),
    region: live(
      z.string().min(1).max(32).regex(LABEL).meta({ example: 'eu-central-1' }).optional(),
      'Region of the bucket',
      {
        otherwise: 'auto',
      },
    ),
    prefix: live(
      z
        .string()
        .max(128)
        .regex(/^[-A-Za-z0-9_.]+(\/[-A-Za-z0-9_.]+)*$/)
        .meta({ example: 'openova' })
        .optional(),
      'Folder in the bucket under which everything is kept',
      { otherwise: "the claim's namespace and name" },
    ),
    secretRef: group(
      namedSecretRef(),
      "Secret in the claim's namespace: keys accessKeyId and secretAccessKey for r2 and s3; serviceAccount (JSON) and, for snapshots of etcd, accessKeyId and secretAccessKey of an HMAC key for gcs; accountName and accountKey for azureblob, where etcd's snapshots do not go",
    ),
  });
export type Archival = z.output<ReturnType<typeof archival>>;

const LETS_ENCRYPT = 'https://acme-v02.api.letsencrypt.org/directory';

export const certificates = () =>
  z.strictObject({
    email: live(
      z
        .string()
        .max(254)
        .regex(/^[^@\s]+@[^@\s]+\.[^@\s]+$/)
        .meta({ example: 'ops@acme.example.com' })
        .optional(),
      'Address that the certificate authority writes to',
    ),
    solver: live(
      z.enum(['dns01', 'http01']).optional(),
      'How ownership of the domain is proven: dns01 needs dns.secretRef and can serve wildcards, http01 needs port 80',
      { otherwise: 'dns01 with dns.secretRef, else http01' },
    ),
    server: live(url(LETS_ENCRYPT).default(LETS_ENCRYPT), 'ACME directory of the certificate authority'),
  });

export const component = () =>
  z.strictObject({
    enabled: live(z.boolean().optional(), 'Whether the component is on', {
      otherwise: 'what the profile says',
    }),
    values: rolling(
      freeForm().default({}),
      "Values of the component's chart, merged over ours: objects by key, lists replaced; the last word is yours",
    ),
  });

/** Without a default in the schema: not every release has something for every slot, and what it lacks is refused. */
const SLOT = { otherwise: 'what the release has for it first' };

export const platform = () =>
  z.strictObject({
    release: rolling(
      z
        .string()
        .max(16)
        .regex(/^(latest|[0-9]{1,3}\.[0-9]{1,3}(\.[0-9]{1,3})?)$/)
        .meta({ example: '0.1' })
        .optional(),
      'Release of the platform; latest follows the installed package',
      { otherwise: 'the release that the region was made with' },
    ),
    profile: live(z.enum(['full', 'minimal', 'standard']).default('standard'), 'Which components are on'),
    mesh: rolling(z.enum(['cilium', 'istio-ambient']).default('cilium'), 'Service mesh'),
    secrets: refused(
      z.enum(['openbao', 'vault']).optional(),
      'Store of secrets; what it holds cannot move to the other',
      SLOT,
    ),
    metrics: live(
      z.enum(['mimir', 'victoriametrics']).optional(),
      'Store of metrics; a change starts with an empty one',
      SLOT,
    ),
    logs: live(
      z.enum(['loki', 'victorialogs']).optional(),
      'Store of logs; a change starts with an empty one',
      SLOT,
    ),
    registry: live(z.enum(['ghcr', 'harbor', 'none']).optional(), 'Registry of container images', SLOT),
    components: group(
      z
        .record(z.string().min(1).max(40).regex(NAME), component())
        .refine((map) => Object.keys(map).length <= 100, 'must have at most 100 entries')
        .meta({ maxProperties: 100 })
        .default({}),
      'Single components of the catalogue, by id: switched on or off, and their values',
    ),
  });

export const blueprints = () =>
  live(
    z
      .array(z.string().min(1).max(40).regex(NAME).meta({ example: 'open-banking' }))
      .max(20)
      .default([]),
    'Blueprints installed on top of the platform',
  );

export const backup = () =>
  z.strictObject({
    etcd: group(
      z
        .strictObject({
          schedule: live(cron().default('0 */6 * * *'), 'When etcd is saved: five fields, UTC'),
          retention: live(z.int().min(1).max(365).default(28), 'Snapshots kept'),
        })
        .prefault({}),
      'Snapshots of etcd, which hold all Kubernetes objects',
    ),
    velero: group(
      z
        .strictObject({
          schedule: live(
            cron().default('0 1 * * *'),
            'When namespaces and volumes are saved: five fields, UTC',
          ),
          retentionDays: live(z.int().min(1).max(3650).default(30), 'Days that a backup is kept'),
        })
        .optional(),
      'Backups of namespaces and volumes. Not available yet',
    ),
  });
export type Backup = z.output<ReturnType<typeof backup>>;

export const maintenance = () =>
  z.strictObject({
    window: live(
      z
        .string()
        .max(24)
        .regex(
          /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun|Daily) ([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9] UTC$/,
        )
        .meta({ example: 'Sun 02:00-04:00 UTC' })
        .optional(),
      'When other versions of K3s are installed and machines restarted; what scaling does is not held up',
      { otherwise: 'any time' },
    ),
  });

export const deletion = () =>
  z.strictObject({
    machines: live(
      z.enum(['Delete', 'Orphan']).default('Delete'),
      'What becomes of machines and cloud objects when the claim is deleted. Scaling down always deletes',
    ),
    volumes: live(
      z.enum(['Delete', 'Retain']).default('Retain'),
      "What becomes of the workloads' cloud volumes when the claim is deleted",
    ),
  });
export type Deletion = z.output<ReturnType<typeof deletion>>;

export const restoreFrom = () =>
  z.strictObject({
    snapshot: refused(
      z
        .string()
        .max(512)
        .regex(/^s3:\/\/[^\s]+$/)
        .meta({ example: 's3://acme-archive/etcd/snapshot' }),
      'Snapshot of etcd to begin with',
    ),
    tokenSecretRef: group(
      z.strictObject({ name: refused(objectName(), 'Name of the Secret') }),
      "Secret in the claim's namespace whose key token holds the server token of the region that the snapshot was taken from",
    ),
  });

export const ROLES = ['primary', 'standby'] as const;

export const peer = () =>
  z.strictObject({
    name: refused(regionName(), 'Name of the other region'),
    apiEndpoint: live(
      url('https://api.hel.acme.example.com:6443').optional(),
      'Address of its Kubernetes API, once known',
    ),
    podCidr: refused(cidr4(), 'Its range of pods'),
    serviceCidr: refused(cidr4(), 'Its range of services'),
  });
export type Peer = z.output<ReturnType<typeof peer>>;

export const peers = () => group(named(peer(), { max: 4 }).default([]), 'The other regions of the cluster');
