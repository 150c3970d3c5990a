/** `k3s etcd-snapshot`, and the beginning of a server from a snapshot: `k3s server --cluster-reset`. */
import { once } from 'node:events';
import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import { copyFile, mkdir, readdir, rename, stat, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { basename } from 'node:path';
import { promisify } from 'node:util';
import { listAt, isObject, textAt, type Json } from '../../../../functions/kernel/manifest.ts';
import { asJson, Kube } from '../../../live/kube.ts';
import { eventually } from '../../../live/processes.ts';
import { call } from './call.ts';
import { child } from './child.ts';
import { readConfig, type Config } from './config.ts';
import { beginEtcd, bootstrapKey, encode, gateway, isHealthy } from './etcd.ts';
import { bucketFolder, ETCD, exists, life, log, readOr, SERVER, tool } from './place.ts';
import { issueLeaves, placeBootstrap } from './pki.ts';
import { parseToken } from './token.ts';

const run = promisify(execFile);
const FOLDER = `${SERVER}/db/snapshots`;
const RESET_FLAG = `${SERVER}/db/reset-flag`;

export async function etcdSnapshot(_version: string, args: readonly string[]): Promise<void> {
  const config = await readConfig(args);
  const verb = args.find((arg) => !arg.startsWith('-'));
  if (verb === 'save') await saveAlone(config);
  else if (verb === 'ls' || verb === 'list') await list(config, args);
  else throw new Error(`the stand-in does not play "k3s etcd-snapshot ${verb ?? ''}"`);
}

/** A server saves one at a time, and tells others nothing but a number. Source: k3s pkg/etcd, snapshot_handler.go, 2026-11. */
async function saveAlone(config: Config): Promise<void> {
  // A name in the network of the machine, which goes with its process.
  const only = createServer();
  try {
    await once(only.listen('\0k3s-etcd-snapshot'), 'listening');
  } catch {
    throw new Error('see server log for details: Internal error occurred: etcd-snapshot error ID 04711');
  }
  await save(config);
  only.close();
}

async function save(config: Config): Promise<void> {
  const name = `${config.text('name') ?? 'on-demand'}-${config.name}-${Math.floor(Date.now() / 1000)}`;
  await mkdir(FOLDER, { recursive: true, mode: 0o700 });
  await writeFile(`${FOLDER}/${name}`, await download(), { mode: 0o600 });
  const bucket = bucketOf(config);
  if (bucket !== undefined) {
    await mkdir(bucket, { recursive: true });
    await copyFile(`${FOLDER}/${name}`, `${bucket}/${name}`);
  }
  await record(config, name, bucket !== undefined);
  log('info', `Snapshot ${name} saved.`);
}

/** The whole of the database with a digest behind it, as etcd sends it: one document per part. */
async function download(): Promise<Buffer> {
  const answer = await gateway('maintenance/snapshot', {}, 60);
  const parts = answer.split('\n').filter((line) => line !== '');
  return Buffer.concat(
    parts.map((line) => Buffer.from(textAt(asJson(JSON.parse(line)), 'result', 'blob') ?? '', 'base64')),
  );
}

function bucketOf(config: Config): string | undefined {
  if (!config.is('etcd-s3')) return undefined;
  return bucketFolder(config.text('etcd-s3-bucket') ?? '', config.text('etcd-s3-folder') ?? '');
}

/** K3s shows its snapshots as objects, too. */
async function record(config: Config, name: string, uploaded: boolean): Promise<void> {
  const access = asJson(JSON.parse(await readOr(`${SERVER}/admin-access.json`, '{}')));
  const [ca, cert, key] = ['ca', 'cert', 'key'].map((field) => textAt(access, field) ?? '');
  const kube = new Kube({
    url: 'https://127.0.0.1:6443',
    ca: ca ?? '',
    client: { cert: cert ?? '', key: key ?? '' },
  });
  const { size, mtime } = await stat(`${FOLDER}/${name}`);
  const places = [
    `file://${FOLDER}/${name}`,
    ...(uploaded ? [`s3://${config.text('etcd-s3-bucket') ?? ''}/${name}`] : []),
  ];
  for (const location of places) {
    const kind = location.startsWith('s3:') ? 's3' : 'local';
    await kube.apply({
      apiVersion: 'k3s.cattle.io/v1',
      kind: 'ETCDSnapshotFile',
      metadata: { name: `${kind}-${name}` },
      spec: { location, nodeName: kind === 's3' ? 's3' : config.name, snapshotName: name },
      status: { creationTime: `${mtime.toISOString().slice(0, 19)}Z`, readyToUse: true, size: `${size}` },
    });
  }
  kube.close();
}

async function list(config: Config, args: readonly string[]): Promise<void> {
  const folder = bucketOf(config) ?? FOLDER;
  const names = (await readdir(folder).catch(() => [])).sort();
  const rows = await Promise.all(
    names.map(async (name) => {
      const { size, mtime } = await stat(`${folder}/${name}`);
      return {
        name,
        location: `file://${folder}/${name}`,
        size,
        created: `${mtime.toISOString().slice(0, 19)}Z`,
      };
    }),
  );
  if (args.includes('json') || args.includes('--output=json'))
    process.stdout.write(
      `${JSON.stringify({
        items: rows.map(({ name, location, size, created }) => ({
          metadata: { name, creationTimestamp: created },
          spec: { snapshotName: name, location, nodeName: config.name },
          status: { creationTime: created, size: `${size}`, readyToUse: true },
        })),
      })}\n`,
    );
  else {
    process.stdout.write('Name Location Size Created\n');
    for (const { name, location, size, created } of rows)
      process.stdout.write(`${name} ${location} ${size} ${created}\n`);
  }
}

/** Makes this server the only member, with its own data or with a snapshot's, and ends. */
export async function clusterReset(config: Config): Promise<void> {
  if (await exists(RESET_FLAG))
    throw new Error(
      'Managed etcd cluster membership was previously reset, please remove the cluster-reset flag and start k3s normally',
    );
  const path = config.text('cluster-reset-restore-path');
  if (path === undefined) await standAlone(config);
  else
    await restore(
      config,
      bucketOf(config) === undefined ? path : `${bucketOf(config) ?? ''}/${basename(path)}`,
    );
  await writeFile(RESET_FLAG, '');
  await life(path === undefined ? 'cluster-reset' : 'restore');
  log(
    'info',
    'Managed etcd cluster membership has been reset, restart without --cluster-reset flag now. Backup and delete ${datadir}/server/db on each peer etcd server and rejoin the nodes',
  );
}

async function standAlone(config: Config): Promise<void> {
  const name = (await readOr(`${ETCD}/name`, config.name)).trim();
  const etcd = await beginEtcd({ name, address: config.address, forceNew: true });
  etcd.stderr?.resume();
  await eventually('etcd', 30, async () => (await isHealthy()) || undefined);
  etcd.kill('SIGTERM');
  await once(etcd, 'exit');
}

async function restore(config: Config, snapshot: string): Promise<void> {
  if (!(await exists(snapshot))) throw new Error(`etcd: snapshot path does not exist: ${snapshot}`);
  if (await exists(ETCD)) await rename(ETCD, `${ETCD}-old-${Math.floor(Date.now() / 1000)}`);
  const name = `${config.name}-${randomBytes(4).toString('hex')}`;
  const peer = `https://${config.address}:2380`;
  await mkdir(`${SERVER}/db`, { recursive: true });
  await run(tool('etcdutl'), [
    'snapshot',
    'restore',
    snapshot,
    `--name=${name}`,
    `--initial-cluster=${name}=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--data-dir=${ETCD}`,
  ]);
  await placeBootstrap(await readBootstrapOf(name, parseToken(config.text('token') ?? '', 'server').secret));
  await issueLeaves(config);
  for (const [file, text] of [
    ['name', name],
    ['voter', ''],
  ] as const)
    await writeFile(`${ETCD}/${file}`, text);
}

/** The authorities in a snapshot are to be had with the token alone. */
async function readBootstrapOf(name: string, secret: string) {
  const client = 'http://127.0.0.1:2399';
  const etcd = child(tool('etcd'), [
    `--name=${name}`,
    `--data-dir=${ETCD}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    '--listen-peer-urls=http://127.0.0.1:2398',
    '--log-level=error',
  ]);
  etcd.stderr?.resume();
  const found = await eventually('etcd of the snapshot', 30, async () => {
    const body = JSON.stringify({ key: encode(bootstrapKey(secret)) });
    return asJson(JSON.parse(await call(`${client}/v3/kv/range`, { method: 'POST', body })));
  });
  etcd.kill('SIGTERM');
  await once(etcd, 'exit');
  const [entry]: Json[] = listAt(found, 'kvs');
  const bootstrap = asJson(
    JSON.parse(Buffer.from(textAt(entry, 'value') ?? 'bnVsbA==', 'base64').toString('utf8')),
  );
  if (!isObject(bootstrap))
    throw new Error(
      'failed to bootstrap cluster data: bootstrap data already found and encrypted with different token',
    );
  return bootstrap;
}
