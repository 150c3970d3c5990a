/** The document `kind: Bootstrap`: a cluster from a file, in the words of claims where it says the same. */
import { isIP } from 'node:net';
import * as z from 'zod';
import { contains, hostOf, isCidr, isCidr4, overlaps } from '../apis/cidr.ts';
import { named } from '../apis/describe.ts';
import * as fields from '../apis/fields.ts';
import { read, type Contract } from '../apis/parse.ts';
import { shown, unless, type Breach, type Rule } from '../apis/rules.ts';
import { isObject } from '../kernel/manifest.ts';
import { Source } from './contract.ts';
import { Failure } from './failure.ts';
import { parseHostKey } from './ssh.ts';

const name = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/)
  .meta({ example: 'garage', shape: 'lower-case letters, digits and dashes, at most 63' });

/** Source: kubernetes.io/docs/concepts/overview/working-with-objects/labels, 2026-11. */
const LABEL = '[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?';

const Machine = z.strictObject({
  name,
  role: z.enum(['server', 'agent']),
  /** Where SSH answers, as root. */
  address: z
    .string()
    .regex(/^[0-9A-Za-z.:-]+$/)
    .meta({ example: '203.0.113.7' }),
  /** Where the machines reach each other; left out, the address. */
  privateAddress: fields.ip().optional(),
  sshPort: z.int().min(1).max(65535).default(22),
  /** As ssh-keyscan prints it, without the address; left out, the first contact pins it. */
  hostKey: z
    .string()
    .refine((text) => parseHostKey(text) !== undefined)
    .meta({ shape: 'a public key as ssh-keyscan prints it, such as "ssh-ed25519 AAAA…"' })
    .optional(),
  /** Another number says that it is another machine now, blank and with another host key. */
  generation: z.int().min(1).max(1_000_000).default(1),
  labels: z
    .record(
      z.string().regex(new RegExp(`^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?${LABEL}$`)),
      z
        .string()
        .regex(new RegExp(`^(${LABEL})?$`))
        .meta({
          shape: 'a text of letters, digits, "-", "_" and ".", at most 63, in quotes if it is a number',
        }),
    )
    .default({}),
});
export type Machine = z.output<typeof Machine>;

const ranges = z.array(fields.cidr()).default([]);

const Bootstrap = z.strictObject({
  apiVersion: z.literal('platform.openova.io/v1alpha1'),
  kind: z.literal('Bootstrap'),
  metadata: z.strictObject({ name }),
  spec: z.strictObject({
    /** Folder for keys, tokens and the kubeconfig, beside the document; left out, `<name>-state`. */
    state: z.string().min(1).optional(),
    /** Private key in OpenSSH form that the machines accept; left out, one is made in the folder. */
    sshKeyFile: z.string().min(1).optional(),
    kubernetes: z.strictObject({
      version: z
        .string()
        .regex(/^v1\.\d+\.\d+\+k3s\d+$/)
        .meta({ shape: 'a version of K3s such as "v1.36.3+k3s1"' }),
      source: Source.optional(),
    }),
    network: z
      .strictObject({
        podCidr: fields.cidr4().default('10.42.0.0/16'),
        serviceCidr: fields.cidr4().default('10.43.0.0/16'),
        /** Left out, the tenth address of the services. */
        clusterDns: fields.ip4().optional(),
      })
      .prefault({}),
    /** As in claims. */
    access: z
      .strictObject({
        /** Where this program is run from; none: SSH and the API are open to the world. */
        managementCidrs: ranges,
        sshAllowedCidrs: ranges,
        apiAllowedCidrs: ranges,
      })
      .prefault({}),
    cni: z.literal('cilium').default('cilium'),
    snapshots: z
      .strictObject({
        schedule: fields.cron().default('0 */6 * * *'),
        retention: z.int().min(1).max(1000).default(28),
      })
      .prefault({}),
    machines: named(Machine, { min: 1, max: 100 }),
  }),
});
export type Bootstrap = z.output<typeof Bootstrap>;

const LEAST = {
  apiVersion: 'platform.openova.io/v1alpha1',
  kind: 'Bootstrap',
  metadata: { name: 'least' },
  spec: {
    kubernetes: { version: 'v1.36.3+k3s1' },
    machines: [{ name: 'least', role: 'server', address: '192.0.2.1' }],
  },
};

/** A rule over the document, which no API server sees. @param reads what it looks at beside its own path. */
function rule(
  path: string,
  reads: readonly string[],
  check: (document: Bootstrap) => readonly Breach[],
): Rule<Bootstrap> {
  return { path, cel: reads.map((one) => `self.${one}`).join(' '), message: 'must be right', check };
}

const MACHINES = 'spec.machines';

/** One of a machine's own, with its name in the path. */
function onMachine(machine: Machine, field: keyof Machine, message: string): Breach {
  return {
    path: `${MACHINES}[${machine.name}].${field}`,
    message: `is ${shown(machine[field])}, ${message}`,
  };
}

const rules: readonly Rule<Bootstrap>[] = [
  rule(MACHINES, [], ({ spec }) => {
    const servers = spec.machines.filter(isServer).length;
    return unless([1, 3, 5].includes(servers), {
      message: `has ${servers} with the role "server", must have 1, 3 or 5, so that a majority is always possible`,
    });
  }),
  rule(MACHINES, [], ({ spec }) => {
    const without = spec.machines.filter(({ privateAddress }) => privateAddress === undefined);
    return unless(without.length === 0 || without.length === spec.machines.length, {
      message: `has none for ${without.map((one) => one.name).join(', ')}, must have a privateAddress each, or none of them: there may be no way between the one and the other`,
    });
  }),
  rule(MACHINES, [], ({ spec }) =>
    spec.machines
      .filter((one) => isIP(nodeAddressOf(one)) === 0)
      .map((one) =>
        one.privateAddress === undefined
          ? onMachine(one, 'address', 'must be an IP address unless every machine has a privateAddress')
          : onMachine(one, 'privateAddress', 'must be an IP address'),
      ),
  ),
  rule(MACHINES, [], ({ spec }) =>
    spec.machines.flatMap((one, index) => {
      const other = spec.machines
        .slice(0, index)
        .find((earlier) => nodeAddressOf(earlier) === nodeAddressOf(one));
      const field = one.privateAddress === undefined ? 'address' : 'privateAddress';
      return other === undefined
        ? []
        : [onMachine(one, field, `must be another than that of "${other.name}"`)];
    }),
  ),
  ...(['managementCidrs', 'sshAllowedCidrs', 'apiAllowedCidrs'] as const).map((list) =>
    rule(`spec.access.${list}`, [], ({ spec }) =>
      spec.access[list].flatMap((value, index) =>
        unless(isCidr(value), {
          path: `spec.access.${list}[${index}]`,
          message: `is "${value}", must be a range of addresses such as 192.0.2.0/24, without bits set behind its prefix`,
        }),
      ),
    ),
  ),
  ...(['podCidr', 'serviceCidr'] as const).map((range) =>
    rule(`spec.network.${range}`, [], ({ spec }) =>
      unless(isCidr4(spec.network[range]), {
        message: `is "${spec.network[range]}", must be an IPv4 range such as 10.0.0.0/16, without bits set behind its prefix`,
      }),
    ),
  ),
  rule('spec.network.serviceCidr', ['spec.network.podCidr'], ({ spec: { network } }) =>
    unless(!overlaps(network.podCidr, network.serviceCidr), {
      message: `is "${network.serviceCidr}", must not overlap spec.network.podCidr, which is "${network.podCidr}"`,
    }),
  ),
  rule('spec.network.clusterDns', ['spec.network.serviceCidr'], ({ spec: { network } }) =>
    unless(!isCidr4(network.serviceCidr) || contains(network.serviceCidr, `${clusterDnsOf(network)}/32`), {
      message: `is "${clusterDnsOf(network)}", must be an address in spec.network.serviceCidr, which is "${network.serviceCidr}"`,
    }),
  ),
  ...(['podCidr', 'serviceCidr'] as const).map((range) =>
    rule(`spec.network.${range}`, [MACHINES], ({ spec }) => {
      const inside = spec.machines.find((one) => contains(spec.network[range], `${nodeAddressOf(one)}/32`));
      return unless(inside === undefined, {
        message: `is "${spec.network[range]}", must not hold the address of "${inside?.name ?? ''}"`,
      });
    }),
  ),
];

const contract: Contract<Bootstrap> = { schema: Bootstrap, rules, transitions: [], cel: [], least: LEAST };

/** @throws Failure input, with a line for everything that is wrong: field, what was given, and what is allowed. */
export function readBootstrap(document: unknown, file: string): Bootstrap {
  // Claims are read from their spec on, which is what fields are named from: here it is all of the document.
  const { given, problems } = read(contract, isObject(document) ? document : {});
  if (given !== undefined) return given;
  const lines = problems.map(({ field, message }) => `"${file}": ${field.replace(/^spec\./, '')} ${message}`);
  throw Failure.input(lines.join('\n'), { hint: 'docs/bootstrap.md has all fields' });
}

export function isServer({ role }: Machine): boolean {
  return role === 'server';
}

/** Where the others reach it. */
export function nodeAddressOf({ address, privateAddress = address }: Machine): string {
  return privateAddress;
}

export function clusterDnsOf({ serviceCidr, clusterDns }: Bootstrap['spec']['network']): string {
  return clusterDns ?? hostOf(serviceCidr, 10) ?? '';
}
