/**
 * A claim to which everything happens that clouds and control planes have in store: limits, errors, losses, restarts. Its
 * machines are real ones, and so is what its Jobs do on them.
 */
import { once } from 'node:events';
import { connect } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import { expect, it } from 'vitest';
import {
  isTrue,
  listAt,
  textAt,
  type Json,
  type JsonObject,
  type Manifest,
} from '../../../functions/kernel/manifest.ts';
import { KUBECONFIG_TYPE } from '../../../functions/bootstrap/contract.ts';
import { CLAIM_NAME_LABEL, SYSTEM_NAMESPACE } from '../../../functions/kernel/names.ts';
import { ApiError } from '../hcloud/state.ts';
import { referenceOf } from '../kube.ts';
import type { Live } from '../live.ts';
import { LOAD_BALANCER_NAME, VOLUME_DRIVER } from '../controllers.ts';
import { HCLOUD_VOLUMES } from '../../../functions/catalogue/names.ts';
import { eventually, eventuallyTrue, sleep } from '../processes.ts';
import {
  apply,
  atCloud,
  BILLED,
  callsSoFar,
  changesAtCloud,
  clustersOf,
  compositesOf,
  edit,
  inLine,
  isReadyClaim,
  jobsOf,
  kubeconfigIn,
  machinesOf,
  mayGo,
  nodesOf,
  remove,
  tell,
  smallCluster,
  tenant,
  until,
  waitingOf,
  type Scenario,
} from '../scenario.ts';

const cluster = smallCluster('acme-rough', 'rough', {
  kubernetes: { version: 'v1.36.2+k3s1' },
  controlPlane: { count: 1, serverTypes: ['cx23', 'cx33'] },
  deletion: { volumes: 'Delete' },
});
const claim = referenceOf(cluster);

/** The serial number of the certificate that is served there. */
async function serialAt(endpoint: string): Promise<string> {
  const port = Number(endpoint.split(':').at(-1));
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
  try {
    await once(socket, 'secureConnect');
    return socket.getPeerCertificate().serialNumber;
  } finally {
    socket.destroy();
  }
}

/** Which machines have ever begun a cluster. */
async function beginners(live: Live): Promise<string[]> {
  const lives = await live.machines.life(claim.name);
  return [...lives].flatMap(([name, events]) =>
    events.filter((event) => event === 'cluster-init').map(() => name),
  );
}

/** The server at the cloud whose address the kubeconfig of the region has. */
async function serverOfKubeconfig({ kube, hcloud }: Live): Promise<string> {
  const secrets = await kube.list('v1', 'Secret', { [CLAIM_NAME_LABEL]: claim.name });
  const [secret] = secrets.filter(
    (one) => one.metadata.namespace === SYSTEM_NAMESPACE && textAt(one, 'type') === KUBECONFIG_TYPE,
  );
  const { hostname } = new URL(textAt(kubeconfigIn(secret), 'clusters', 0, 'cluster', 'server') ?? '');
  const found = hcloud.project
    .all('servers')
    .find((server) => textAt(server, 'public_net', 'ipv4', 'ip') === hostname);
  if (found === undefined) throw new Error(`the kubeconfig names ${hostname}, which is no server`);
  return textAt(found, 'name') ?? '';
}

/** The Jobs of an operation since then, by their machines, which are named without their claim and region. */
function machinesDone(live: Live, operation: string, since: number): string[] {
  return jobsOf(live, claim, since)
    .filter((job) => job.startsWith(`${operation} `))
    .map(machineOf);
}

/** The nodes of its cluster that have a label or a taint of a key: their machine and both. */
async function marked(live: Live, key: string): Promise<Json[]> {
  const [own] = clustersOf(live, claim);
  if (own === undefined) throw new Error('nobody serves its cluster');
  return (await own[1].kube.list('v1', 'Node')).flatMap((node) => {
    const label = textAt(node, 'metadata', 'labels', key) ?? null;
    const taints = listAt(node, 'spec', 'taints').filter((taint) => textAt(taint, 'key') === key);
    const machine = machineOf(node.metadata.name ?? '');
    return label === null && taints.length === 0 ? [] : [{ machine, label, taints }];
  });
}

/** A machine without its claim and region: `workers-1`. */
function machineOf(name: string): string {
  return name.replace(/^.*-((?:control-plane|workers)-\d+)-g\d+$/, '$1');
}

export const rough: Scenario = (given) => {
  it('says what to do when the project is at its limit', async () => {
    const live = given();
    const { project } = live.hcloud;
    await tenant(live, 'acme-rough');
    project.soldOut.add('cx23/fsn1');
    const limit = {
      method: 'POST',
      path: /^\/servers$/,
      about: 'rough-',
      times: 1000,
      error: new ApiError(403, 'resource_limit_exceeded', 'server limit exceeded'),
    };
    project.faults.push(limit);
    await apply(live, cluster);
    const found = await until(live, claim, 'the limit to be named', 300, (one) =>
      waitingOf(one).includes('resource_limit_exceeded'),
    );
    limit.times = 0;

    expect(waitingOf(found)).toContain('ask Hetzner to raise it');
    expect(atCloud(live, claim, ['servers'])).toEqual([]);
  });

  it('goes on when the limit is raised, although our function, its certificate and Crossplane change meanwhile', async () => {
    const { crossplane } = given();
    await crossplane.function.restart(() => sleep(3000), 'SIGKILL');
    const before = await eventually('the function to serve', 30, () => serialAt(crossplane.endpoint));
    await crossplane.rotate();
    await eventually(
      'the new certificate',
      60,
      async () => (await serialAt(crossplane.endpoint)) !== before || undefined,
    );
    await crossplane.core.restart();
    await until(given(), claim, 'it to be ready', 400, isReadyClaim);
  });

  it('grows to three servers and an agent', async () => {
    const live = given();
    await edit(live, claim, {
      controlPlane: { count: 3, serverTypes: ['cx23', 'cx33'] },
      pools: [{ name: 'workers', count: 1, serverTypes: ['cx33'] }],
    });
    await until(live, claim, 'four machines', 600, (one) => isReadyClaim(one) && machinesOf(one) === 4);

    expect(await nodesOf(live, claim)).toHaveLength(4);
  });

  it('has one cluster, which its first server began', async () => {
    expect(await beginners(given())).toEqual([expect.stringContaining('-control-plane-1-')]);
  });

  it('gives the node of its pool a label and a taint that its claim names later, and takes them away again', async () => {
    const live = given();
    const key = 'example.com/disk';
    const workers = { name: 'workers', count: 1, serverTypes: ['cx33'] };
    // Pods may still go there, if they must.
    const taint = { key, value: 'fast', effect: 'PreferNoSchedule' };
    const become = async (pool: JsonObject, wanted: Json) => {
      await edit(live, claim, { pools: [{ ...workers, ...pool }] });
      await eventually('the nodes to be so', 300, async () => {
        const found = await marked(live, key);
        if (!isDeepStrictEqual(found, wanted)) throw new Error(JSON.stringify(found));
        return true;
      });
    };
    await become({ labels: { [key]: 'fast' }, taints: [taint] }, [
      { machine: 'workers-1', label: 'fast', taints: [taint] },
    ]);
    await become({}, []);
    await until(live, claim, 'it to be ready', 200, (one) => isReadyClaim(one) && machinesOf(one) === 4);
  });

  it('took the next type of machine where the first was sold out', () => {
    const types = given()
      .hcloud.project.all('servers')
      .filter(({ name }) => typeof name === 'string' && name.startsWith('rough-'))
      .map((server) => textAt(server, 'server_type', 'name'));

    expect(types).toEqual(['cx33', 'cx33', 'cx33', 'cx33']);
  });

  it('does again what machines had that were lost at the cloud, an agent and the server that its kubeconfig names', async () => {
    const live = given();
    const { project } = live.hcloud;
    const jobs = live.machines.done.length;
    const named = await serverOfKubeconfig(live);
    const goes = new RegExp(`^(${named}|rough-.*workers-1-.*)$`);
    const lost = project.all('servers').filter(({ name }) => goes.test(textAt(name) ?? ''));
    mayGo(live, claim, goes);
    for (const server of lost) project.remove('servers', Number(server['id']));
    await eventuallyTrue('their Jobs to be done again', 400, () =>
      ['server', 'agent'].every((operation) => machinesDone(live, operation, jobs).length === 1),
    );
    await until(live, claim, 'it to be ready again', 400, isReadyClaim);

    expect(lost).toHaveLength(2);
    expect(await beginners(live), 'it joins, also as the one that began the cluster').toHaveLength(1);
    expect(await serverOfKubeconfig(live), 'another server, which lived').not.toBe(named);
    for (const server of lost) {
      const now = project.all('servers').find((one) => one['name'] === server['name']);
      expect(now?.['id']).not.toBe(server['id']);
      expect(JSON.stringify(now?.['private_net'])).toContain(textAt(server, 'private_net', 0, 'ip'));
    }
  });

  it('gets a newer Kubernetes on one server after the other, then on the agent', async () => {
    const live = given();
    const jobs = live.machines.done.length;
    await edit(live, claim, { kubernetes: { version: 'v1.36.3+k3s1' } });
    await eventuallyTrue('all upgrades', 600, () => machinesDone(live, 'upgrade', jobs).length === 4);
    await until(live, claim, 'it to be ready with it', 400, isReadyClaim);
    const [cluster] = clustersOf(live, claim);
    const nodes = (await cluster?.[1].kube.list('v1', 'Node')) ?? [];

    expect(machinesDone(live, 'upgrade', jobs)).toEqual([
      'control-plane-1',
      'control-plane-2',
      'control-plane-3',
      'workers-1',
    ]);
    expect(nodes.map((node) => textAt(node, 'status', 'nodeInfo', 'kubeletVersion'))).toEqual(
      Array.from({ length: 4 }, () => 'v1.36.3+k3s1'),
    );
  });

  it('powers nothing off when other types are asked for, and says who stays as it is', async () => {
    const live = given();
    const calls = callsSoFar(live);
    await edit(live, claim, { controlPlane: { count: 3, serverTypes: ['cx43'] } });
    const told = await until(live, claim, 'it to say so', 200, (one) => !isTrue(one, 'MachinesCurrent'));
    // A provider would act on what has changed after the claim says so.
    await sleep(20_000);

    expect(JSON.stringify(told['status'])).toContain('control-plane-1-g1 (serverType)');
    expect(isTrue(told, 'Ready')).toBe(true);
    expect(changesAtCloud(live, claim, calls)).toEqual([]);
  });

  it('goes back to one server, the highest first, and none that has left comes back', async () => {
    const live = given();
    const jobs = live.machines.done.length;
    mayGo(live, claim, /control-plane-[23]/);
    await edit(live, claim, { controlPlane: { count: 1, serverTypes: ['cx43'] } });
    await until(live, claim, 'one server', 600, (one) => isReadyClaim(one) && machinesOf(one) === 2);
    await eventuallyTrue('the servers to go', 300, () => atCloud(live, claim, ['servers']).length === 2);
    // Its cluster is asked through another server, once it is seen that the one before has gone.
    const names = (await eventually('its nodes', 60, () => nodesOf(live, claim))).sort();
    const life = await live.machines.life(claim.name);
    const [, ofThird] = [...life].find(([name]) => name.includes('control-plane-3')) ?? [];

    expect(machinesDone(live, 'drain-and-remove', jobs)).toEqual(['control-plane-3', 'control-plane-2']);
    expect(names).toEqual([expect.stringContaining('control-plane-1'), expect.stringContaining('workers-1')]);
    expect(
      ofThird?.filter((event) => event.startsWith('join ')),
      'it has not come back',
    ).toHaveLength(1);
  });

  it('takes with it what workloads have at the cloud, then its machines, then their network, and leaves nothing behind', async () => {
    const live = given();
    const { project } = live.hcloud;
    await inLine(live, claim);
    const [cluster] = clustersOf(live, claim);
    const kube = cluster?.[1].kube;
    const shop = { apiVersion: 'v1', kind: 'Service', namespace: 'default', name: 'shop' };
    const disk = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace: 'default', name: 'shop' };
    const volume = project.id();
    // Named as what is the claim's own, so that it counts as such.
    const name = `${compositesOf(live, claim)[0] ?? ''}-workload`;
    project.put('volumes', { id: volume, name });
    project.put('load_balancers', { id: project.id(), name });
    for (const object of workload(String(volume), name)) await kube?.apply(object);
    await eventuallyTrue('its controllers to hold them', 60, async () => {
      const [service, bound] = await Promise.all([kube?.need(shop), kube?.need(disk)]);
      const held = listAt(service, 'metadata', 'finalizers').length > 0;
      return held && textAt(bound, 'status', 'phase') === 'Bound';
    });
    const from = callsSoFar(live);
    const started = Date.now();
    expect(await beginners(live)).toHaveLength(1);
    await remove(live, claim);
    tell(`rough: gone after ${Math.round((Date.now() - started) / 1000)} s`);
    const calls = changesAtCloud(live, claim, from).map((call) => call.replace(/ rough-.*/, ''));
    const last = (call: string) => calls.lastIndexOf(call);
    const [lastLoadBalancer, lastVolume] = [last('DELETE /load_balancers/:id'), last('DELETE /volumes/:id')];
    const subnet = last('POST /networks/:id/actions/delete_subnet');
    const firstMachine = calls.indexOf('DELETE /servers/:id');

    expect(atCloud(live, claim, [...BILLED, 'volumes'])).toEqual([]);
    expect(Math.min(lastLoadBalancer, lastVolume)).toBeGreaterThanOrEqual(0);
    expect(Math.max(lastLoadBalancer, lastVolume)).toBeLessThan(firstMachine);
    expect(last('DELETE /servers/:id')).toBeLessThan(subnet);
    expect(subnet).toBeLessThan(last('DELETE /networks/:id'));
    expect(calls.filter((call) => call === 'DELETE /servers/:id')).toHaveLength(2);
  });
};

/** What a tenant's workload has at the cloud: a load balancer, and a volume that was made for a claim of it. */
function workload(volume: string, balancer: string): Manifest[] {
  const size = { storage: '10Gi' };
  const accessModes = ['ReadWriteOnce'];
  const own = { namespace: 'default', name: 'shop' };
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { ...own, annotations: { [LOAD_BALANCER_NAME]: balancer } },
      spec: { type: 'LoadBalancer', ports: [{ port: 80 }] },
    },
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: own,
      spec: {
        storageClassName: HCLOUD_VOLUMES,
        accessModes,
        resources: { requests: size },
        volumeName: 'pvc-shop',
      },
    },
    {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: 'pvc-shop', annotations: { 'pv.kubernetes.io/provisioned-by': VOLUME_DRIVER } },
      spec: {
        storageClassName: HCLOUD_VOLUMES,
        accessModes,
        capacity: size,
        persistentVolumeReclaimPolicy: 'Retain',
        csi: { driver: VOLUME_DRIVER, volumeHandle: volume },
      },
    },
  ];
}
