/** K3s' configuration, from its files and its command line. */
import { readdir } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { hostname } from 'node:os';
import { parse } from 'yaml';
import { asJson } from '../../../live/kube.ts';
import { isObject, type Json } from '../../../../functions/kernel/manifest.ts';
import { readOr } from './place.ts';

const FILE = '/etc/rancher/k3s/config.yaml';

/**
 * What all servers must have in common.
 * Source: docs.k3s.io, high availability with embedded etcd, 2026-11.
 */
const CRITICAL = [
  'cluster-cidr',
  'cluster-dns',
  'cluster-domain',
  'disable-cloud-controller',
  'disable-helm-controller',
  'disable-kube-proxy',
  'disable-network-policy',
  'egress-selector-mode',
  'embedded-registry',
  'flannel-backend',
  'secrets-encryption',
  'service-cidr',
] as const;

export interface Config {
  readonly name: string;
  /** The address at which the others reach it. */
  readonly address: string;
  text(key: string): string | undefined;
  list(key: string): string[];
  is(key: string): boolean;
  /** Keys that differ from those of a peer are a reason to refuse. */
  critical(): Record<string, string>;
}

export async function readConfig(args: readonly string[]): Promise<Config> {
  const drops = await readdir(`${FILE}.d`).catch(() => []);
  const files = [
    FILE,
    ...drops
      .filter((file) => file.endsWith('.yaml'))
      .sort()
      .map((file) => `${FILE}.d/${file}`),
  ];
  let values: Record<string, Json> = {};
  for (const file of files) values = merge(values, asJson(parse(await readOr(file, '{}'))));
  return configOf({ ...values, ...flags(args) });
}

function configOf(values: Readonly<Record<string, Json>>): Config {
  const list = (key: string) => {
    const value = values[key];
    return (Array.isArray(value) ? value : value === undefined || value === null ? [] : [value]).map(textOf);
  };
  const text = (key: string) => list(key)[0];
  return {
    name: text('node-name') ?? hostname(),
    address: (text('node-ip') ?? firstAddress()).split(',')[0] ?? '',
    text,
    list,
    is: (key) => text(key) === 'true',
    critical: () => Object.fromEntries(CRITICAL.map((key) => [key, list(key).join(',')])),
  };
}

/** The names of what differs. */
export function differences(mine: Readonly<Record<string, string>>, others: Json): string[] {
  return Object.keys(mine).filter((key) => isObject(others) && others[key] !== mine[key]);
}

/** The last file wins; `key+` adds to what was there. */
function merge(values: Readonly<Record<string, Json>>, more: Json): Record<string, Json> {
  const merged = { ...values };
  for (const [key, value] of Object.entries(isObject(more) ? more : {})) {
    if (value === undefined) continue;
    const name = key.replace(/\+$/, '');
    const before = merged[name];
    merged[name] = name === key || before === undefined ? value : [before, value].flat();
  }
  return merged;
}

function flags(args: readonly string[]): Record<string, Json> {
  const values: Record<string, Json> = {};
  args.forEach((arg, index) => {
    const [, name, , value] = /^--([\w-]+)(=(.*))?$/.exec(arg) ?? [];
    if (name === undefined) return;
    const next = args[index + 1];
    values[name] = value ?? (next === undefined || next.startsWith('--') ? 'true' : next);
  });
  return values;
}

function textOf(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function firstAddress(): string {
  return networkInterfaces()['eth0']?.[0]?.address ?? '127.0.0.1';
}
