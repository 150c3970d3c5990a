import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { access, readdir, readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import {
  callerAt,
  failureOfCall,
  healthAt,
  mutual,
  requestWith,
  severities,
  stopAll,
  temporaryFolder,
  writeCertificates,
} from '../server/support.ts';
import { authority } from '../certificates.ts';
import { credentials, status } from '@grpc/grpc-js';
import { Severity } from '@crossplane-org/function-sdk-typescript';
import { BUILD_BASE, makeBases, RUNTIME_BASE } from './bases.ts';
import { startBuildah, type Buildah } from './buildah.ts';

const ROOT = join(import.meta.dirname, '../..');
const IMAGE = 'localhost/function-openova:test';
const MEBIBYTE = 1024 * 1024;

const Config = z.object({
  OCIv1: z.object({
    config: z.object({
      User: z.string(),
      Entrypoint: z.array(z.string()),
      Cmd: z.array(z.string()),
      Env: z.array(z.string()),
    }),
  }),
});
type Config = z.infer<typeof Config>['OCIv1']['config'];

let buildah: Buildah;
let container: string;
let root: string;
let config: Config;

beforeAll(async () => {
  buildah = await startBuildah();
  await makeBases(buildah);
  await buildah(
    'build',
    '--network=host',
    '--pull-never',
    `--build-arg=BUILD_BASE=${BUILD_BASE}`,
    `--build-arg=RUNTIME_BASE=${RUNTIME_BASE}`,
    ...(await npmSettings()),
    `--tag=${IMAGE}`,
    ROOT,
  );
  container = await buildah('from', IMAGE);
  root = await buildah('mount', container);
  config = Config.parse(JSON.parse(await buildah('inspect', '--type=image', IMAGE))).OCIv1.config;
});

afterEach(async () => {
  await stopAll();
  for (const server of servers.splice(0)) server.kill();
});

afterAll(async () => {
  await buildah.remove();
});

/** This user's npm settings as the build's secret, and what npm has downloaded already. */
async function npmSettings(): Promise<string[]> {
  const settings = process.env['npm_config_userconfig'] ?? join(homedir(), '.npmrc');
  const cache = process.env['npm_config_cache'] ?? join(homedir(), '.npm');
  return [
    ...((await exists(settings)) ? [`--secret=id=npmrc,src=${settings}`] : []),
    ...((await exists(cache)) ? [`--volume=${cache}:/root/.npm`] : []),
  ];
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Every file below a folder of the image, with its path from the image's root. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length));
}

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Arguments that run the image as a container runtime would: its entry point with other arguments. */
function running(options: readonly string[], args: readonly string[]): string[] {
  const isolated = ['run', '--isolation=chroot', ...options, container, '--'];
  return [...buildah.storage, ...isolated, ...config.Entrypoint, ...args];
}

async function runImage(args: readonly string[], input = ''): Promise<Ran> {
  const child = spawn('buildah', running([], args), { stdio: 'pipe' });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.end(input);
  return await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      resolve({ code, stdout, stderr });
    });
  });
}

const Serving = z.object({
  msg: z.literal('serving'),
  port: z.int(),
  healthPort: z.int(),
  metricsPort: z.int(),
});

type Ports = Omit<z.infer<typeof Serving>, 'msg'>;

interface Server extends Ports {
  /** Asks it to end; its exit code. */
  end(): Promise<number | null>;
}

const servers: ChildProcess[] = [];

/** Starts the server as Crossplane does: another user, certificates mounted, their folder in the environment. */
async function serve(certificates: string): Promise<Server> {
  const addresses = ['--address', '--health-address', '--metrics-address'];
  const loopback = addresses.flatMap((flag) => [flag, '127.0.0.1:0']);
  const options = [
    '--user=2000:2000',
    `--volume=${certificates}:/tls/server:ro`,
    '--env=TLS_SERVER_CERTS_DIR=/tls/server',
  ];
  const child = spawn('buildah', running(options, [...config.Cmd, ...loopback]), {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  servers.push(child);
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const said: string[] = [];
  child.stderr.setEncoding('utf8').on('data', (text: string) => said.push(text));
  const ports = await new Promise<Ports>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      said.push(line);
      const serving = Serving.safeParse(JSON.parse(line));
      if (serving.success) resolve(serving.data);
    });
    child.once('error', reject).once('close', () => {
      reject(new Error(`the server in the image did not start: ${said.join('\n')}`));
    });
  });
  return {
    ...ports,
    end: async () => {
      process.kill(await programOf(child.pid ?? 0), 'SIGTERM');
      return await ended;
    },
  };
}

/** The process at the end of a line of children: buildah's last one is the program itself. */
async function programOf(pid: number): Promise<number> {
  const tasks = await readdir(`/proc/${pid}/task`);
  const children = await Promise.all(
    tasks.map(async (task) => (await readFile(`/proc/${pid}/task/${task}/children`, 'utf8')).trim()),
  );
  const [child] = children.filter((list) => list !== '').map((list) => Number(list.split(' ')[0]));
  return child === undefined ? pid : await programOf(child);
}

describe('what is in the image', () => {
  it('runs as a user by number that is not root, so that Kubernetes can check it', () => {
    expect(config.User).toMatch(/^[1-9][0-9]*:[1-9][0-9]*$/);
  });

  it('serves when nothing else is asked for, as Crossplane passes no arguments', () => {
    expect(config.Cmd).toEqual(['serve']);
    expect(config.Env).toContain('NODE_ENV=production');
  });

  it('has the program and what it needs, and no sources, types, maps or tests', async () => {
    const files = await filesBelow('/app');

    expect(files).toContain('/app/functions/cli/main.js');
    expect(files.filter((file) => /\.([cm]?ts|map|tsx)$|\.test\.js$/.test(file))).toEqual([]);
    const top = new Set(files.map((file) => file.split('/')[2] ?? ''));
    expect([...top].sort()).toEqual(['LICENSE', 'examples', 'functions', 'node_modules', 'package.json']);
  });

  it('has no program that logs in to machines or speaks to clusters: the bootstrap does both by itself', async () => {
    const programs = /\/(ssh|sshd|scp|sftp|ssh-keygen|dropbear|dbclient|kubectl|k3s|helm)$/;

    expect((await filesBelow('/')).filter((file) => programs.test(file))).toEqual([]);
  });

  it('has no development dependency', async () => {
    const Package = z.object({ devDependencies: z.record(z.string(), z.string()) });
    const { devDependencies } = Package.parse(JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')));

    const installed = await Promise.all(
      Object.keys(devDependencies).map(
        async (name) => [name, await exists(join(root, 'app/node_modules', name))] as const,
      ),
    );

    expect(installed.length).toBeGreaterThan(0);
    // Another package depends on the types of Node; of a package of types nothing is left but its description.
    const there = installed.flatMap(([name, found]) => (found && !name.startsWith('@types/') ? [name] : []));
    expect(there).toEqual([]);
  });

  it('adds at most 40 MiB to its base, readable by every user and writable by none', async () => {
    const files = await filesBelow('/app');
    const stats = await Promise.all(
      files.map(async (file) => {
        const { mode, size, uid } = await stat(join(root, file));
        return { file, mode, size, uid };
      }),
    );

    const bytes = stats.reduce((sum, { size }) => sum + size, 0);
    expect(bytes).toBeLessThan(40 * MEBIBYTE);
    const unreadable = stats.filter(({ mode }) => (mode & 0o004) === 0);
    const writable = stats.filter(({ mode, uid }) => (mode & 0o002) !== 0 || uid !== 0);
    expect(unreadable.map(({ file }) => file)).toEqual([]);
    expect(writable.map(({ file }) => file)).toEqual([]);
  });
});

describe('the function in the image', () => {
  it('answers a RunFunction over mutual TLS, tells its health and metrics, and ends when told to', async () => {
    const ca = await authority('crossplane');
    const folder = temporaryFolder();
    chmodSync(folder, 0o755);
    writeCertificates(folder, ca.cert, await ca.issue('function'));
    const server = await serve(folder);

    const response = await callerAt(server.port, mutual(ca.cert, await ca.issue('core'))).call(
      requestWith({}),
    );

    expect(response.meta?.tag).toBe('0123456789abcdef');
    expect(severities(response)).not.toContain(Severity.SEVERITY_FATAL);
    expect(response.conditions.map(({ type }) => type)).toContain('InputValid');

    const stranger = callerAt(server.port, credentials.createSsl(Buffer.from(ca.cert)));
    expect(await failureOfCall(stranger.call(requestWith({})))).toMatchObject({ code: status.UNAVAILABLE });

    expect(await healthAt(server.healthPort)).toBe('SERVING');
    const metrics = await fetch(`http://127.0.0.1:${server.metricsPort}/metrics`);
    expect(await metrics.text()).toContain('openova_function_requests_total{kind="XOpenOvaRegion"');

    expect(await server.end()).toBe(0);
  });
});

describe('the command line in the image', () => {
  it('helps', async () => {
    const { code, stdout } = await runImage(['--help']);

    expect(code).toBe(0);
    for (const command of ['serve', 'render', 'validate', 'diff', 'explain'])
      expect(stdout).toContain(command);
  });

  it('renders a claim from standard input', async () => {
    const claim = await readFile(join(ROOT, 'examples/minimal.yaml'), 'utf8');

    const { code, stdout, stderr } = await runImage(['render', '-', '--output', 'json'], claim);

    expect(stderr).toBe('');
    expect(code).toBe(0);
    const List = z.object({ kind: z.literal('List'), items: z.array(z.object({ kind: z.string() })) });
    const kinds = List.parse(JSON.parse(stdout)).items.map(({ kind }) => kind);
    expect(kinds).toEqual(expect.arrayContaining(['XOpenOvaRegion', 'Server', 'Job', 'Release']));
  });
});
