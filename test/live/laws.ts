/** What holds whatever happened: read from the audit log, the calls at the cloud, and what is there at the end. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { EVERYTHING } from '../extent.ts';
import { at, numberAt, textAt } from '../../functions/kernel/manifest.ts';
import { asJson, type Kube, type Reference } from './kube.ts';
import type { Intended, Live } from './live.ts';
import { SECRET_VALUE } from './machines.ts';
import { isReal } from './real-machines.ts';
import { eventually } from './processes.ts';
import { BILLED, clustersOf, composed, kubeconfigIn, nameOf, tell, type Scenario } from './scenario.ts';

/** Objects that show a secret value of a claim's and are no Secrets, in every cluster there is. */
export async function secretsShown(live: Live, claim: Reference): Promise<string[]> {
  const made = await madeByProgram(live.kube);
  const kubeconfigs = await keysOfKubeconfigs(live.kube);
  const hidden = [
    SECRET_VALUE,
    Buffer.from(SECRET_VALUE).toString('base64'),
    live.token,
    Buffer.from(live.token).toString('base64'),
    ...made,
    ...kubeconfigs,
  ];
  const clusters = [live.kube, ...clustersOf(live, claim).map(([, { kube }]) => kube)];
  const showing: string[] = [];
  const seen = new Set<string>();
  for (const kube of clusters) {
    for (const { apiVersion, kind } of await kube.kinds()) {
      if (kind === 'Secret') continue;
      // Of a kind that has just come the API server may not know yet what there is.
      for (const one of await eventually(kind, 60, () => kube.list(apiVersion, kind))) {
        seen.add(kind);
        const text = JSON.stringify(one);
        if (hidden.some((value) => text.includes(value))) showing.push(nameOf(one));
      }
    }
  }
  expect(kubeconfigs).not.toEqual([]);
  expect([...seen]).toEqual(
    expect.arrayContaining(['Job', 'Object', 'Release', 'Server', 'ConfigMap', 'Node']),
  );
  return showing;
}

/** Keys and tokens in the kubeconfigs that Jobs have written, as they stand there, and the whole as Secrets show it. */
async function keysOfKubeconfigs(kube: Kube): Promise<string[]> {
  return (await kube.list('v1', 'Secret')).flatMap((secret) => {
    const config = kubeconfigIn(secret);
    const keys = ['client-key-data', 'token'].flatMap((key) => textAt(config, 'users', 0, 'user', key) ?? []);
    const whole = textAt(secret, 'data', 'kubeconfig');
    return whole === undefined || keys.length === 0 ? [] : [...keys, whole];
  });
}

export const logsAreClean: Scenario = (given) => {
  it('shows no secret value in what the bootstrap program says', async () => {
    const live = given();
    const made = await madeByProgram(live.kube);
    const logs = (await readdir(live.logs)).filter((file) => isReal(file));
    const texts = await Promise.all(logs.map(async (file) => readFile(join(live.logs, file), 'utf8')));

    expect(logs.length).toBeGreaterThan(5);
    expect(made.length).toBeGreaterThan(5);
    expect(logs.filter((_, index) => made.some((value) => texts[index]?.includes(value)))).toEqual([]);
  });
};

/** Tokens and lines of private keys, as they are and as Secrets show them: those outlive their claims. */
async function madeByProgram(kube: Kube): Promise<string[]> {
  const secrets = (await kube.list('v1', 'Secret')).filter(
    ({ metadata }) => metadata.namespace === 'openova-system' && /-(tokens|ssh)$/.test(metadata.name ?? ''),
  );
  return secrets.flatMap((secret) =>
    ['server', 'agent', 'id_ed25519'].flatMap((key) => {
      const encoded = textAt(secret, 'data', key);
      if (encoded === undefined) return [];
      const lines = Buffer.from(encoded, 'base64').toString('utf8').split('\n');
      // The first line of a key is like that of any other.
      return [encoded, ...lines.filter((line) => line.length > 20 && !/^-----|^b3BlbnNzaC1rZXk/.test(line))];
    }),
  );
}

export const history: Scenario = (given) => {
  it('never refused a right to write to Crossplane, to a provider or to a Job for longer than the API server took to hear of it', async () => {
    const lines = (await auditLines(given().control.auditLog)).filter((line) => line.includes('"system:'));
    const refused = lines.filter((line) => line.includes('"code":403'));
    const allowed = new Set(lines.filter((line) => !line.includes('"code":403')).map(requestOf));

    expect(refused.filter((line) => !allowed.has(requestOf(line))).map((line) => line.slice(0, 600))).toEqual(
      [],
    );
  });

  it('asked the cloud for nothing with a wrong token, and for nothing with values that it refuses', () => {
    const unknown = given().hcloud.project.calls.filter(({ status }) => [401, 422].includes(status));

    expect(unknown).toEqual([]);
  });

  it('powered no machine off, and restarted or changed none', () => {
    const done = given().hcloud.project.calls.filter(({ status }) => status < 300);

    expect(
      done.filter(({ path }) => /^\/servers\/.*\/actions\/(poweroff|shutdown|reset|change_type)$/.test(path)),
    ).toEqual([]);
  });

  it('deleted nothing at the cloud, and made no machine a second time, that nobody had asked to go: each claim loses its own alone', () => {
    const { hcloud, intended } = given();
    const changes = hcloud.project.calls
      .filter(({ status }) => status < 300)
      .flatMap(({ method, path, about, time }): Change[] => {
        const change = { name: about, time: Date.parse(time) };
        if (method === 'POST' && path === '/servers') return [{ ...change, what: 'made' }];
        return method === 'DELETE' && BILLED_PATH.test(path) ? [{ ...change, what: 'deleted' }] : [];
      });

    expectAsked(
      changes,
      intended.filter(({ kept }) => !kept),
    );
  });

  it('deleted no Server of a machine, and made none a second time, that nobody had asked to go', async () => {
    const live = given();
    const lines = await auditLines(live.control.auditLog);
    tell(`changes by verb: ${most(lines.flatMap((line) => WHO.exec(line)?.[1] ?? []))}`);
    tell(`changes by user: ${most(lines.flatMap((line) => WHO.exec(line)?.[2] ?? []))}`);

    expectAsked(lines.flatMap(changeOfServer), live.intended);
  });

  it('left no object behind', async () => {
    const live = given();
    const kinds = ['OpenOvaCluster', 'OpenOvaRegion', 'DataService'].flatMap((kind) => [kind, `X${kind}`]);
    const found = await Promise.all(
      kinds.map((kind) => live.kube.list('platform.openova.io/v1alpha1', kind)),
    );
    const roots = found
      .flat()
      .filter((one) => at(one, 'metadata', 'annotations', 'crossplane.io/paused') === undefined);
    const left = await composed(live);

    expect(roots.map(nameOf)).toEqual([]);
    expect(left.map(nameOf)).toEqual([]);
    // That claim was told to leave its machines.
    const stay = BILLED.flatMap((kind) => live.hcloud.project.all(kind)).map(
      (thing) => textAt(thing, 'name') ?? '',
    );
    expect(stay.filter((name) => !name.startsWith('unlucky-'))).toEqual([]);
  });
};

/** The verb of an entry of the audit log, and who asked; an account by its namespace and name. */
const WHO = /"verb":"(\w+)","user":\{"username":"(?:system:serviceaccount:)?([^"]+)"/;

/** The most frequent, with how often: `patch 25197, update 14848`. */
function most(values: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const sorted = [...counts].sort(([, one], [, other]) => other - one);
  return sorted
    .slice(0, 6)
    .map((pair) => pair.join(' '))
    .join(', ');
}

/** What was made or deleted. */
interface Change {
  readonly name: string;
  readonly what: 'made' | 'deleted';
  /** Milliseconds since 1970. */
  readonly time: number;
}

/** Whatever was deleted, or made a second time, may go: a scenario said so before. */
function expectAsked(changes: readonly Change[], asked: readonly Intended[]): void {
  const made = changes.filter(({ what }) => what === 'made');
  const deleted = changes.filter(({ what }) => what === 'deleted');
  const first = new Map([...made].reverse().map((change) => [change.name, change]));
  const again = made.filter((change) => first.get(change.name) !== change);

  const least = EVERYTHING ? 10 : 4;
  expect(made.length).toBeGreaterThan(least);
  expect(deleted.length).toBeGreaterThan(least);
  expect(
    [...again, ...deleted].filter(
      ({ name, time }) => !asked.some(({ goes, since }) => goes(name) && since <= time),
    ),
  ).toEqual([]);
}

/** Of a managed Server, which has the name of its machine's server but for a part in the middle. */
function changeOfServer(line: string): Change[] {
  if (!line.includes('"resource":"servers"') || !line.endsWith('}')) return [];
  const entry = asJson(JSON.parse(line));
  const object = at(entry, 'objectRef');
  if (textAt(object, 'apiGroup') !== 'server.hetzner.crossplane.io') return [];
  if (textAt(object, 'subresource') !== undefined) return [];
  const change = {
    name: textAt(object, 'name') ?? '',
    time: Date.parse(textAt(entry, 'requestReceivedTimestamp') ?? ''),
  };
  const code = numberAt(entry, 'responseStatus', 'code') ?? 0;
  if (code === 201) return [{ ...change, what: 'made' }];
  return textAt(entry, 'verb') === 'delete' && code < 300 ? [{ ...change, what: 'deleted' }] : [];
}

/** Of one thing that is billed, or holds such together: `/servers/7`. */
const BILLED_PATH = new RegExp(`^/(${BILLED.join('|')})/\\d+$`);

/** Who asked for what. */
function requestOf(line: string): string {
  return ['requestURI', 'verb', 'username']
    .flatMap((field) =>
      line
        .split(`"${field}":"`)
        .slice(1)
        .map((rest) => rest.split('"')[0]),
    )
    .join(' ');
}

async function auditLines(file: string): Promise<string[]> {
  return (await readFile(file, 'utf8')).split('\n');
}
