/**
 * The contract between a region and the bootstrap program: one input document per operation, one result document.
 *
 * The input is the annotation `platform.openova.io/input` of the Job's pods, mounted as a file; so it is immutable with
 * the Job and holds no secret, only names of Secrets. The result is the ConfigMap of the Job, which the program alone
 * writes, also while it runs.
 */
import * as z from 'zod';
import { CLAIM_NAME_LABEL, CLAIM_NAMESPACE_LABEL } from '../kernel/names.ts';

export const INPUT_ANNOTATION = 'platform.openova.io/input';
/** Where the Job finds its input. Secrets it reads from the API server, as its account may. */
export const INPUT_FILE = '/etc/openova/input/input.json';
/** The key of the result ConfigMap that holds the result document as JSON. */
export const RESULT_KEY = 'result.json';
/** Type of the Secrets that hold a kubeconfig: what tells ours from those that people made. */
export const KUBECONFIG_TYPE = 'platform.openova.io/kubeconfig';

/** The step of `care` in which the maintenance window is open and nothing of its own is left to do. */
export const WINDOW_STEP = 'maintenance window';

/** Exit codes, which podFailurePolicy tells apart. */
export const EXIT = { done: 0, remote: 1, input: 2, hostKey: 3, timeout: 4, quorum: 5 } as const;

/** Where SSH answers and how the machine proves who it is. */
export const Target = z.strictObject({
  /** Name of the Kubernetes node: the server's name at the cloud, or the machine's in the claim. */
  name: z.string().min(1),
  address: z.string().min(1),
  /** The address at which the machines of the region reach each other. */
  nodeAddress: z.string().min(1),
  port: z.int().min(1).max(65535),
  /** The cloud's id, or what stands for it: a change of it allows a new host key. */
  identity: z.string().min(1),
  /** Public host key; left out, the first contact pins it. */
  hostKey: z.string().optional(),
});
export type Target = z.output<typeof Target>;

/** K3s configuration: keys are flag names without dashes. Source: docs.k3s.io, installation/configuration. */
export const Config = z.record(
  z.string(),
  z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]),
);
export type Config = z.output<typeof Config>;

/** Where the binary of K3s is fetched from; left out, from GitHub. One of that version that is there already is not fetched. */
export const Source = z.strictObject({
  /** A mirror of `https://github.com/k3s-io/k3s/releases/download`, such as `https://mirror.example/k3s`. */
  address: z
    .url({ protocol: /^https?$/ })
    .meta({ example: 'https://mirror.example/k3s' })
    .optional(),
  /** SHA-256 by architecture, in hexadecimal digits; left out, as the source itself says. */
  sha256: z
    .partialRecord(
      z.enum(['amd64', 'arm64']),
      z
        .string()
        .regex(/^[0-9a-f]{64}$/)
        .meta({ shape: '64 hexadecimal digits' }),
    )
    .optional(),
});

const K3s = z.strictObject({
  version: z.string().regex(/^v1\.\d+\.\d+\+k3s\d+$/),
  /** Equal on every server, byte for byte. */
  common: Config,
  /** This machine's own part. */
  node: Config,
  source: Source.optional(),
});
export type K3s = z.output<typeof K3s>;

const SecretName = z.strictObject({ namespace: z.string(), name: z.string() });

const Snapshots = z.strictObject({
  schedule: z.string(),
  retention: z.int().positive(),
  /** Left out: snapshots stay on the servers. */
  s3: z
    .strictObject({
      /** Without a scheme. */
      endpoint: z.string(),
      bucket: z.string(),
      region: z.string(),
      folder: z.string(),
      /** Holds the keys accessKeyId and secretAccessKey. */
      secret: SecretName.optional(),
    })
    .optional(),
});
export type Snapshots = z.output<typeof Snapshots>;

const common = {
  version: z.literal(1),
  /** The XOpenOvaRegion. */
  region: z.string().min(1),
  namespace: z.string().min(1),
  /** ConfigMap to write the result to. */
  result: z.string().min(1),
  /** Names of Secrets in the namespace. */
  secrets: z.strictObject({
    /** Server token, agent token, cluster marker; made by prepare, never overwritten, outlives the claim. */
    tokens: z.string(),
    /** Client key pair for SSH. */
    ssh: z.string(),
    /** Pinned host keys, by machine and identity. */
    hostKeys: z.string(),
  }),
  /** The Lease in the namespace that is held by whoever disturbs a node; left out, nobody else does. */
  lease: z.string().optional(),
  /** All of the operation together. */
  deadlineSeconds: z.int().positive(),
};

/** Who may reach which ports of a machine. */
const Allow = z.strictObject({
  protocol: z.enum(['tcp', 'udp']),
  /** Such as `6443` and `2379-2380`. */
  ports: z.array(z.string().regex(/^\d+(-\d+)?$/)).min(1),
  /** Addresses and ranges. */
  from: z.array(z.string()),
});
export type Allow = z.output<typeof Allow>;

/** Of machines that exist already, which no firewall of a cloud protects. */
const Host = z.strictObject({
  allow: z.array(Allow),
  /** Machines of the region that must let this one in. */
  others: z.array(Target),
});

const onMachine = { ...common, target: Target };
/** Further servers of the region, lowest ordinal first: to join through, to check quorum with. */
const peers = z.array(Target);

/** A copy of the kubeconfig for the tenant, which nothing reads. One that is not of `KUBECONFIG_TYPE` is left alone. */
const copy = SecretName.optional();

export const Prepare = z.strictObject({
  ...common,
  operation: z.literal('prepare'),
  /** Whose the Secrets are; left out for a composite that no claim made. See `isOwn`. */
  claim: z.strictObject({ namespace: z.string(), name: z.string() }).optional(),
  /** Secret of the claim's namespace whose key token is taken over, for a restore. */
  restoreToken: SecretName.optional(),
});
export const Server = z.strictObject({
  ...onMachine,
  operation: z.literal('server'),
  peers,
  k3s: K3s,
  snapshots: Snapshots,
  restore: z.strictObject({ snapshot: z.string() }).optional(),
  /** The program installs Cilium itself; only without Crossplane. */
  cni: z.enum(['none', 'cilium']),
  /** Checks the machine first, and sets its firewall; left out, a cloud does. */
  host: Host.optional(),
});
export const Agent = z.strictObject({
  ...onMachine,
  operation: z.literal('agent'),
  peers,
  k3s: K3s,
  host: Host.optional(),
});
export const Kubeconfig = z.strictObject({
  ...onMachine,
  operation: z.literal('kubeconfig'),
  /** Secret in the namespace that ProviderConfigs read; its key is kubeconfig. */
  kubeconfig: z.string(),
  copy,
  context: z.string(),
});
export const DrainAndRemove = z.strictObject({
  ...onMachine,
  operation: z.literal('drain-and-remove'),
  peers,
  role: z.enum(['server', 'agent']),
  drainSeconds: z.int().positive(),
});
export const Upgrade = z.strictObject({
  ...onMachine,
  operation: z.literal('upgrade'),
  peers,
  role: z.enum(['server', 'agent']),
  k3s: K3s,
});
export const Label = z.strictObject({
  ...onMachine,
  operation: z.literal('label'),
  peers,
  /** To be set on the node; what else it has stays. */
  labels: z.record(z.string(), z.string()),
  /** To be added, `key=value:Effect`. */
  taints: z.array(z.string()),
  /** Names of labels to be taken away. */
  removeLabels: z.array(z.string()).default([]),
  /** Taints to be taken away, `key:Effect`. */
  removeTaints: z.array(z.string()).default([]),
});
export const Snapshot = z.strictObject({
  ...onMachine,
  operation: z.literal('snapshot'),
  snapshots: Snapshots,
});
export const Care = z.strictObject({
  ...common,
  operation: z.literal('care'),
  servers: peers,
  agents: peers,
  /** What servers that were made before it are told of snapshots by now. */
  snapshots: Snapshots,
  /** What every machine lets in; left out, a cloud sees to it. */
  allow: z.array(Allow).optional(),
  /** Such as `Sun 02:00-04:00 UTC`; left out, any time. */
  window: z.string().optional(),
  kubeconfig: z.string(),
  copy,
  /** Servers with less certificate life than this are restarted, one at a time. */
  certificateDays: z.int().positive(),
});
/** Runs in the workload cluster, as pre-delete hook of the openova-system chart: no SSH, no Secrets of the region. */
export const Teardown = z.strictObject({
  version: z.literal(1),
  operation: z.literal('teardown'),
  volumes: z.enum(['Retain', 'Delete']),
  deadlineSeconds: z.int().positive(),
});
/** Existing machines only, on explicit request. */
export const Uninstall = z.strictObject({
  ...onMachine,
  operation: z.literal('uninstall'),
  role: z.enum(['server', 'agent']),
  /** Left out: nobody looks, as the ConfigMap of the machine's Job has gone with it. */
  result: common.result.optional(),
});

export const Input = z.discriminatedUnion('operation', [
  Prepare,
  Server,
  Agent,
  Kubeconfig,
  DrainAndRemove,
  Upgrade,
  Label,
  Snapshot,
  Care,
  Teardown,
  Uninstall,
]);
export type Input = z.output<typeof Input>;
export type Operation = Input['operation'];

type Owner = Pick<z.output<typeof Prepare>, 'claim'>;

/** The labels with which `prepare` makes the Secrets that outlive the claim (`secrets`): whose they are. */
export function ownerLabels({ claim }: Owner): Record<string, string> {
  return claim === undefined
    ? {}
    : { [CLAIM_NAMESPACE_LABEL]: claim.namespace, [CLAIM_NAME_LABEL]: claim.name };
}

/**
 * Whether a Secret that exists already is the claim's own. Composites of one name may come one after the other, and
 * tokens and keys wait for the next: `prepare` refuses a Secret that is not its own with exit code `input`, says its name
 * and the claim that it belongs to, and reads and writes none of them.
 */
export function isOwn(owner: Owner, labels: Readonly<Record<string, string>> = {}): boolean {
  const own = ownerLabels(owner);
  return [CLAIM_NAMESPACE_LABEL, CLAIM_NAME_LABEL].every((label) => labels[label] === own[label]);
}

/** What the program says of its work, at most 4 KiB as JSON. Times are RFC 3339. */
export const Result = z.strictObject({
  version: z.literal(1),
  operation: z.string(),
  node: z.string().optional(),
  phase: z.enum(['Running', 'Succeeded', 'Failed']),
  step: z.string(),
  since: z.iso.datetime(),
  cause: z.string().optional(),
  hint: z.string().optional(),
  /** The last lines of the remote log. */
  log: z.array(z.string()).optional(),
  /** prepare: the public client key in OpenSSH form. */
  publicKey: z.string().optional(),
  /** server, agent: fingerprint of the host key and how it came to be trusted. */
  hostKey: z
    .strictObject({ fingerprint: z.string(), trust: z.enum(['Given', 'PinnedOnFirstUse']) })
    .optional(),
  /** care: earliest end of a certificate, and the age of the last snapshot. */
  certificatesExpire: z.iso.datetime().optional(),
  lastSnapshot: z.iso.datetime().optional(),
  /** care, while it runs: something has gone wrong already, as `cause` says, and the rest goes on. */
  troubled: z.boolean().optional(),
});
export type Result = z.output<typeof Result>;

/** Reads a result ConfigMap's document; undefined when there is none or it is not ours. */
export function readResult(document: string | undefined): Result | undefined {
  if (document === undefined) return undefined;
  try {
    return Result.safeParse(JSON.parse(document)).data;
  } catch {
    return undefined;
  }
}

/**
 * What the program would write when it has succeeded: for renders without machines.
 * @param since when, RFC 3339.
 * @param publicKey an OpenSSH public key to answer `prepare` with.
 */
export function playedResult(input: Input, since: string, publicKey: string): Result {
  return {
    version: 1,
    operation: input.operation,
    ...('target' in input && { node: input.target.name }),
    phase: 'Succeeded',
    step: 'done',
    since,
    ...(input.operation === 'prepare' && { publicKey }),
    ...((input.operation === 'server' || input.operation === 'agent') && {
      hostKey: { fingerprint: 'SHA256:rendered', trust: 'PinnedOnFirstUse' as const },
    }),
  };
}
