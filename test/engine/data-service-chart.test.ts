/** The credentials of a data service through the Helm that installs them. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseDocument } from 'yaml';
import { isManifest, listAt, objectAt, textAt, type JsonObject } from '../../functions/kernel/manifest.ts';
import { toolPath } from '../../tools/build.ts';
import { ARCHIVAL, play, worldOf } from '../data-service/world.ts';

const run = promisify(execFile);
const chart = join(import.meta.dirname, '../../package/charts/openova-system');
const serviceAccount = { type: 'service_account', project_id: 'acme-prod', private_key: 'A, {B}\n' };

let helm: string;
let folder: string;
beforeAll(async () => {
  helm = await toolPath('helm');
  folder = await mkdtemp(join(tmpdir(), 'openova-data-service-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, content: unknown): Promise<string[]> {
  const path = join(folder, name);
  await writeFile(path, JSON.stringify(content));
  return ['--values', path];
}

/** Hands values over as provider-helm does: valuesFrom, values, set. */
async function rendered(archival: JsonObject, secret: Readonly<Record<string, string>>): Promise<unknown> {
  const release = play(worldOf({ region: { archival } })).objects.get('fsn/credentials');
  const given = objectAt(release, 'spec', 'forProvider');
  const documents = listAt(given, 'valuesFrom').length > 0 ? await file('from.json', serviceAccount) : [];
  const values = await file('values.json', objectAt(given, 'values'));
  const set = listAt(given, 'set').flatMap((entry) => {
    const key = textAt(entry, 'valueFrom', 'secretKeyRef', 'key') ?? '';
    return ['--set', `${textAt(entry, 'name') ?? ''}=${secret[key] ?? ''}`];
  });
  const namespace = ['--namespace', textAt(given, 'namespace') ?? ''];
  const { stdout } = await run(helm, ['template', 'x', chart, ...namespace, ...documents, ...values, ...set]);
  return parseDocument(stdout).toJS();
}

/** A document without the order of its fields. */
function plain(key: string, text: string): unknown {
  return key === 'serviceAccount' ? JSON.parse(text) : text;
}

describe('the credentials of a data service', () => {
  it.each<{
    reason: string;
    archival: JsonObject;
    secret: Readonly<Record<string, string>>;
    data: Readonly<Record<string, string>>;
  }>([
    {
      reason: 'r2: two keys, of which one may look like a number, and the region',
      archival: ARCHIVAL,
      secret: { accessKeyId: '0123456789', secretAccessKey: 'a+b/c=' },
      data: { accessKeyId: '0123456789', secretAccessKey: 'a+b/c=', region: 'auto' },
    },
    {
      reason: 'azureblob: name and key of the account',
      archival: {
        provider: 'azureblob',
        bucket: 'archive',
        endpoint: 'https://acme.blob.core.windows.net',
        secretRef: { name: 'acme-azure' },
      },
      secret: { accountName: 'acme', accountKey: 'a+b/c==' },
      data: { accountName: 'acme', accountKey: 'a+b/c==' },
    },
    {
      reason: 'gcs: the document as a whole',
      archival: { provider: 'gcs', bucket: 'archive', secretRef: { name: 'acme-gcs' } },
      secret: {},
      data: { serviceAccount: JSON.stringify(serviceAccount) },
    },
  ])('$reason', async ({ archival, secret, data }) => {
    const object = await rendered(archival, secret);
    if (!isManifest(object)) throw new Error('the chart made no object');
    expect(`${object.kind} ${object.metadata.namespace ?? ''}/${object.metadata.name ?? ''}`).toBe(
      'Secret openova-data-orders/archival-credentials',
    );
    const decoded = Object.entries(objectAt(object, 'data') ?? {}).map(([key, value]) => [
      key,
      plain(key, Buffer.from(typeof value === 'string' ? value : '', 'base64').toString()),
    ]);
    const wanted = Object.entries(data).map(([key, text]) => [key, plain(key, text)]);
    expect(Object.fromEntries(decoded)).toEqual(Object.fromEntries(wanted));
  });
});
