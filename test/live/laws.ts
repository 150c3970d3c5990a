/** What holds whatever happened: read from the audit log, the calls at the cloud, and what is there at the end. */
import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { SECRET_VALUE } from './machines.ts';
import { composed, nameOf, type Scenario } from './scenario.ts';

export const secretsStayInSecrets: Scenario = (given) => {
  it('shows no secret value anywhere but in Secrets', async () => {
    const live = given();
    const hidden = [SECRET_VALUE, Buffer.from(SECRET_VALUE).toString('base64'), live.token];
    const clusters = [live.kube, ...[...live.machines.clusters.values()].map(({ kube }) => kube)];
    const showing: string[] = [];
    let seen = 0;
    for (const kube of clusters) {
      for (const { apiVersion, kind } of await kube.kinds()) {
        if (kind === 'Secret') continue;
        const found = await kube.list(apiVersion, kind);
        seen += found.length;
        showing.push(
          ...found.filter((one) => hidden.some((value) => JSON.stringify(one).includes(value))).map(nameOf),
        );
      }
    }

    expect(seen).toBeGreaterThan(200);
    expect(showing).toEqual([]);
  });
};

export const history: Scenario = (given) => {
  it('never refused a right to Crossplane, to a provider or to a Job for longer than the API server took to hear of it', async () => {
    const lines = (await auditLines(given().control.auditLog)).filter((line) => line.includes('"system:'));
    const refused = lines.filter((line) => line.includes('"code":403') && !line.includes('in use'));
    const allowed = new Set(lines.filter((line) => !line.includes('"code":403')).map(requestOf));

    expect(refused.filter((line) => !allowed.has(requestOf(line))).map((line) => line.slice(0, 600))).toEqual(
      [],
    );
  });

  it('asked nothing of the cloud that it does not know, and nothing with a wrong token', () => {
    const unknown = given().hcloud.project.calls.filter(({ status }) => status === 401 || status === 422);

    expect(unknown).toEqual([]);
  });

  it('deleted no machine, and made none a second time, that nobody had asked to go', () => {
    const { hcloud, intended } = given();
    const { calls } = hcloud.project;
    const done = calls.map((call, index) => ({ ...call, index })).filter(({ status }) => status < 300);
    const made = done.filter(({ method, path }) => method === 'POST' && path === '/servers');
    const again = made.filter(({ about, index }) =>
      made.some((other) => other.about === about && other.index < index),
    );
    const deleted = done.filter(({ method, path }) => method === 'DELETE' && /^\/servers\/\d+$/.test(path));
    const unasked = [...again, ...deleted].filter(
      ({ about, index }) => !intended.some(({ machines, since }) => machines.test(about) && since <= index),
    );

    expect(made.length).toBeGreaterThan(10);
    expect(deleted.length).toBeGreaterThan(10);
    expect(unasked).toEqual([]);
  });

  it('left no object behind', async () => {
    const live = given();
    const names = ['mini', 'rough', 'unlucky', 'brief', 'own', 'account', 'dead', 'duo', 'cloudy', 'orders'];
    const left = await Promise.all(names.map((name) => composed(live, name)));

    expect(left.flat().map(nameOf)).toEqual([]);
  });
};

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
