/** XOpenOvaRegion: machines, K3s on them, the ways into the cluster, and one XOpenOvaPlatform. */
import { parseRegion, type RegionSpec } from '../apis/region.ts';
import { isOlder, wantedRelease } from '../catalogue/release.ts';
import { checkPlatform } from '../catalogue/select.ts';
import type { After, Composer, Graph, Problem } from '../kernel/graph.ts';
import { textAt } from '../kernel/manifest.ts';
import { nameFor } from '../kernel/names.ts';
import { RELEASE } from '../release.ts';
import { planAccess, planProviderConfigs } from './access.ts';
import { planBootstrap, prepare, PREPARE } from './bootstrap.ts';
import { planCare } from './care.ts';
import { planDns } from './dns.ts';
import { hostProblems } from './host.ts';
import { gatewayTargets } from './gateway.ts';
import { planCloud } from './hcloud.ts';
import { attemptAt, job, joinedServers, resultIn, resultKey, resultOf, type Jobs } from './jobs.ts';
import { CONTROL_PLANE, planAddresses } from './machines.ts';
import { planPlatform } from './platform.ts';
import { regionOf, type Region } from './region.ts';
import { leavingKeys, leavingMachines, planRemovals } from './removal.ts';
import { report } from './report.ts';
import { planProtection, planUsages } from './usages.ts';

export const regionComposer: Composer<RegionSpec> = {
  kind: 'XOpenOvaRegion',
  parse: parseRegion,
  plan: (input) => plan(regionOf(input)),
  report: (input, settled) => report(regionOf(input), settled),
};

function plan(region: Region): Graph {
  const { xr, xrName, spec, observed, machines, jobs } = region;
  const addresses = planAddresses(machines, spec.network.subnetCidr, observed);
  const cloud =
    spec.cloud.provider === 'existing'
      ? []
      : planCloud({
          xrName,
          spec,
          machines,
          addresses,
          gateways: gatewayTargets(region),
          observed,
          publicKey: resultOf(jobs, PREPARE)?.publicKey,
          prepared: [attemptAt(jobs, PREPARE), hasKeys(jobs)],
        });
  const leaving = leavingMachines(region);
  const bootstrap = planBootstrap(region);
  const tasks = [prepare(region), ...bootstrap, ...planRemovals(region, leaving, bootstrap)];
  const jobNodes = [...tasks.flatMap((task) => job(jobs, task)), ...planCare(region, tasks)];
  const results = jobNodes
    .filter(({ manifest }) => manifest.kind === 'ConfigMap')
    .map(({ key }) => nameFor(xrName, key));
  const kubeconfig = tasks
    .filter(({ key }) => key.startsWith('kubeconfig/'))
    .map(({ key }) => attemptAt(jobs, key));
  const records = planDns(region);
  const nodes = [
    ...planAccess(xr, spec, results),
    ...jobNodes,
    ...cloud,
    ...planProviderConfigs(xr, kubeconfig),
    ...planUsages(xrName, spec, machines),
    ...planProtection(region),
    planPlatform(region, tasks),
    ...records.nodes,
  ];
  return {
    nodes,
    problems: problems(region, addresses.machines.size),
    leaving: new Map([
      ...leavingKeys(region, leaving, new Set(nodes.map(({ key }) => key))),
      ...records.leaving,
    ]),
    release: {
      running: textAt(xr, 'status', 'release'),
      wanted: wantedRelease(spec, textAt(xr, 'status', 'release')),
      installed: RELEASE,
    },
  };
}

/** The public key is known: `prepare` says it in its result. */
function hasKeys(jobs: Jobs): After {
  return {
    key: resultKey(jobs, PREPARE),
    until: 'it holds the public key',
    test: (configMap) => resultIn(configMap)?.publicKey !== undefined,
  };
}

function problems(region: Region, addresses: number): Problem[] {
  const { xr, spec, machines, observed } = region;
  const joined = joinedServers(observed);
  const taken = spec.pools.some(({ name }) => name === CONTROL_PLANE);
  return [
    ...(isOlder(spec, textAt(xr, 'status', 'release')) ? [] : checkPlatform(spec)),
    ...(taken
      ? [
          {
            field: `spec.pools[${CONTROL_PLANE}].name`,
            message: `is "${CONTROL_PLANE}", which is what the servers' own pool is called, must be another name`,
          },
        ]
      : []),
    ...hostProblems(region),
    ...(spec.cloud.provider === 'existing' && joined.size > 0 && !machines.some(({ id }) => joined.has(id))
      ? [
          {
            field: 'spec.machines',
            message: `has no server that has joined, must keep at least one of "${[...joined.keys()].join('", "')}" until another has`,
          },
        ]
      : []),
    ...(spec.cloud.provider !== 'existing' && addresses < machines.length
      ? [
          {
            field: 'spec.network.subnetCidr',
            message: `is "${spec.network.subnetCidr}", which has room for ${addresses} machines, must have room for ${machines.length}`,
          },
        ]
      : []),
  ];
}
