/** What the program says to machines, said to a shell. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { EXIT, Server } from '../../functions/bootstrap/contract.ts';
import { BINARY, installK3s, serviceState, startK3s } from '../../functions/bootstrap/node/k3s.ts';
import { restoreSnapshot } from '../../functions/bootstrap/node/restore.ts';
import { Runner } from '../../functions/bootstrap/runner.ts';
import { machineInFolder, type InFolder } from './in-folder.ts';
import { MemoryStore } from './memory-store.ts';

const LIVE = new AbortController().signal;
const VERSION = 'v1.36.3+k3s1';
const NAMESPACE = 'here';
const SECRETS = { tokens: 'tokens', ssh: 'ssh', hostKeys: 'keys' };

/** One run on machines that are folders. */
function runWith(store = new MemoryStore()): Runner {
  const runner = new Runner(
    {
      store,
      progress: () => undefined,
      now: () => new Date(0),
      stop: LIVE,
      login: () => Promise.reject(new Error('nobody logs in here')),
      patience: 1,
    },
    { operation: 'server', deadlineSeconds: 60, secrets: { namespace: NAMESPACE, ...SECRETS } },
  );
  onTestFinished(() => runner.end({}));
  return runner;
}

/** Serves these files of a release, on loopback; one without content fails. */
async function sourceWith(files: Readonly<Record<string, string | undefined>>): Promise<string> {
  const server = createServer(({ url = '' }, response) => {
    const file = url.split('/').at(-1) ?? '';
    const code = !(file in files) ? 404 : files[file] === undefined ? 403 : 200;
    response.writeHead(code).end(files[file]);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}`;
}

describe('the binary of K3s', () => {
  const binary = `#!/bin/sh\necho 'k3s version ${VERSION}'\n`;
  const digest = createHash('sha256').update(binary).digest('hex');
  const list = `${digest}  k3s\n`;

  it.each([
    ['comes with its digest', { k3s: binary, 'sha256sum-amd64.txt': list }, undefined, ''],
    ['needs no list where the digest is given', { k3s: binary }, digest, ''],
    ['without a list is wrong input', { k3s: binary }, undefined, 'sha256sum-amd64.txt does not exist'],
    [
      'that the list does not have is wrong input',
      { k3s: binary, 'sha256sum-amd64.txt': `${digest}  k3s-arm64\n` },
      undefined,
      'sha256sum-amd64.txt has no k3s',
    ],
    ['that does not exist is wrong input', { 'sha256sum-amd64.txt': list }, undefined, '/k3s does not exist'],
  ])('%s', async (_, files, given, cause) => {
    const machine = await machineInFolder();
    await machine.place('/usr/local/bin/uname', '#!/bin/sh\necho x86_64\n');
    const address = await sourceWith(files);
    const source = { address, ...(given !== undefined && { sha256: { amd64: given } }) };
    const installed = installK3s(runWith(), machine, {
      version: VERSION,
      common: {},
      node: {},
      source,
    });
    if (cause === '') await installed;
    else
      await expect(installed).rejects.toMatchObject({
        code: EXIT.input,
        message: expect.stringContaining(cause),
      });
    expect(await machine.read(BINARY)).toBe(cause === '' ? binary : undefined);
  });

  it('whose list cannot be fetched now may be had another time', async () => {
    const machine = await machineInFolder();
    const source = { address: await sourceWith({ 'sha256sum-amd64.txt': undefined }) };
    await machine.place('/usr/local/bin/uname', '#!/bin/sh\necho x86_64\n');
    await expect(
      installK3s(runWith(), machine, { version: VERSION, common: {}, node: {}, source }),
    ).rejects.toMatchObject({ code: EXIT.remote, log: [expect.stringContaining('403')] });
  });
});

/** K3s in a state of systemd, whose journal has a refusal of an earlier life, and of this one as many words as are given. */
async function withService({ active, sub, says }: { active: string; sub: string; says: string }) {
  const machine = await machineInFolder();
  await machine.place(
    '/usr/local/bin/systemctl',
    `#!/bin/sh
case $* in
  is-active*) echo ${active} ;;
  *SubState*) echo ${sub} ;;
  *InvocationID*) echo 2 ;;
  restart*) echo again >> /var/log/restarts ;;
esac
`,
  );
  await machine.place(
    '/usr/local/bin/journalctl',
    `#!/bin/sh
case $* in *_SYSTEMD_INVOCATION_ID=2*) ;; *) echo 'critical configuration value mismatch' ;; esac
echo '${says}'
`,
  );
  return machine;
}

describe('a service that does not serve yet', () => {
  it.each([
    ['is waited for, whatever it said before it was started', 'activating', 'Starting k3s', undefined],
    [
      'is waited for while its earlier life ends',
      'deactivating',
      'critical configuration mismatch',
      undefined,
    ],
    ['is given up for what it says now', 'activating', 'critical configuration mismatch', EXIT.input],
  ])('%s', async (_, active, says, code) => {
    const machine = await withService({ active, sub: 'start', says });
    const state = serviceState(machine, 'server', LIVE);
    if (code === undefined) expect(await state).toMatchObject({ waiting: expect.stringContaining(active) });
    else await expect(state).rejects.toMatchObject({ code });
  });
});

describe('K3s that was started with what it is told', () => {
  const started = async (machine: InFolder) => {
    for (const path of [
      '/usr/local/bin/k3s',
      '/etc/rancher/k3s/config.yaml',
      '/etc/rancher/k3s/config.yaml.d/openova.yaml',
      '/etc/systemd/system/k3s.service',
    ])
      await machine.place(path, '');
    expect(await startK3s(machine, 'server', LIVE)).toBe(true);
  };

  it.each([
    ['is left alone while it runs', 'active', 'running', false],
    ['is left alone while it starts', 'activating', 'start', false],
    ['is started at once while it waits for another life', 'activating', 'auto-restart', true],
  ])('%s', async (_, active, sub, again) => {
    const machine = await withService({ active, sub, says: '' });
    await started(machine);
    expect(await startK3s(machine, 'server', LIVE)).toBe(again);
    expect(await machine.read('/var/log/restarts')).toBe('again\n'.repeat(again ? 2 : 1));
  });
});

describe('a restore', () => {
  const CONFIG = '/etc/rancher/k3s/config.yaml.d/restore.yaml';
  const DATABASE = '/var/lib/rancher/k3s/server/db';

  async function restoring(machine: InFolder): Promise<void> {
    const store = new MemoryStore();
    const keys = { namespace: NAMESPACE, name: 'keys-of-the-store' };
    await store.create({ namespace: NAMESPACE, name: 'tokens' }, { data: { server: 'a', agent: 'b' } });
    await store.create(keys, { data: { accessKeyId: 'id', secretAccessKey: 'key' } });
    const s3 = { endpoint: 's3.example.com', bucket: 'acme', region: 'auto', folder: 'new', secret: keys };
    const input = Server.parse({
      version: 1,
      operation: 'server',
      region: 'acme',
      namespace: NAMESPACE,
      result: 'result',
      secrets: SECRETS,
      deadlineSeconds: 60,
      target: machine.target,
      peers: [],
      k3s: { version: VERSION, common: {}, node: {} },
      snapshots: { schedule: '0 */6 * * *', retention: 5, s3 },
      restore: { snapshot: 's3://acme/old/one' },
      cni: 'none',
    });
    await restoreSnapshot(runWith(store), machine, input);
  }

  it('that fails while containerd is awaited, as it always is, may go well the next time', async () => {
    const machine = await machineInFolder();
    const awaited = 'dial unix /run/k3s/containerd/containerd.sock: connect: no such file or directory';
    await machine.place(BINARY, `#!/bin/sh\necho 'Waiting for containerd startup: ${awaited}'\nexit 1\n`);
    await expect(restoring(machine)).rejects.toMatchObject({ code: EXIT.remote });
    expect(await machine.read(CONFIG)).toBeUndefined();
  });

  it.each([
    ['was done, and the machine went down before anybody knew', `${DATABASE}/reset-flag`],
    ['was done', '/var/lib/rancher/k3s/openova-restored'],
  ])('that %s leaves no order to reset', async (_, sign) => {
    const machine = await machineInFolder();
    for (const path of [CONFIG, sign]) await machine.place(path, '');
    await restoring(machine);
    expect(await machine.read(CONFIG)).toBeUndefined();
  });
});
