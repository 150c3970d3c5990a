/** Where the stand-in finds and leaves things on its machine. */
import { appendFile, access, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { isObject, objectAt, textAt, type Json } from '../../../../functions/kernel/manifest.ts';
import { asJson } from '../../../live/kube.ts';
import type { Light } from '../control-plane.ts';

export const DATA = '/var/lib/rancher/k3s';
export const SERVER = `${DATA}/server`;
export const TLS = `${SERVER}/tls`;
export const ETCD = `${SERVER}/db/etcd`;

const SHARED = '/opt/machines';
const settings = asJson(JSON.parse(readFileSync(`${SHARED}/settings.json`, 'utf8')));

export const readyAtOnce = textAt(settings, 'ready') === 'at-once';

export function tool(name: string): string {
  return need(settings, 'tools', name);
}

/** The API server that all clusters share. */
export function lightSetting(): Light | undefined {
  const light = objectAt(settings, 'light');
  if (light === undefined) return undefined;
  const pair = (name: string) => ({ cert: need(light, name, 'cert'), key: need(light, name, 'key') });
  return {
    url: need(light, 'url'),
    ca: need(light, 'ca'),
    proxy: pair('proxy'),
    authority: pair('authority'),
  };
}

/** Records what became of this machine. */
export async function life(event: string): Promise<void> {
  await appendFile(`${SHARED}/life/${hostname()}`, `${event}\n`);
}

/** Whether a test wants this to go wrong on a machine. */
export async function hasFault(machine: string, fault: string): Promise<boolean> {
  return exists(`${SHARED}/faults/${machine}/${fault}`);
}

/** Stands for buckets of object storage. */
export function bucketFolder(bucket: string, folder: string): string {
  return `${SHARED}/buckets/${bucket}/${folder}`;
}

export function log(level: 'info' | 'error' | 'fatal', message: string): void {
  process.stdout.write(`time="${new Date().toISOString()}" level=${level} msg=${JSON.stringify(message)}\n`);
}

/** Says to the service manager that the unit is active. */
export async function notifyReady(): Promise<void> {
  const file = process.env['NOTIFY_FILE'];
  if (file !== undefined) await writeFile(file, '');
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

export async function readOr(path: string, otherwise: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => otherwise);
}

/** A file in one piece, with its folder, for root alone. */
export async function place(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

export function need(value: Json | undefined, ...path: string[]): string {
  const found = textAt(value, ...path);
  if (found === undefined)
    throw new Error(`there is no "${path.join('.')}" in ${isObject(value) ? 'it' : 'nothing'}`);
  return found;
}
