/** XOpenOvaCluster: the private networks, one or two regions, DNS records, and protection of the claim. */
import { inCluster, parseCluster, type ClusterSpec } from '../apis/cluster.ts';
import { distinct, specOf } from '../apis/parse.ts';
import { isOlder } from '../catalogue/release.ts';
import { checkPlatform } from '../catalogue/select.ts';
import type { Composer, Graph, Problem } from '../kernel/graph.ts';
import { isObject, listAt, textAt } from '../kernel/manifest.ts';
import { protectClaim } from '../kernel/protection.ts';
import { clusterOf, type Cluster } from './cluster.ts';
import { planDns } from './dns.ts';
import { planNetworks } from './network.ts';
import { planRegions } from './regions.ts';
import { report } from './report.ts';

const PROTECTED = 'spec.deletionProtection is true: set it to false to delete this cluster and all it holds';

export const clusterComposer: Composer<ClusterSpec> = {
  kind: 'XOpenOvaCluster',
  parse: parseCluster,
  plan: (input) => plan(clusterOf(input)),
  report: (input, settled) => report(clusterOf(input), settled),
};

/** Everything follows the installed package: the regions' own functions ask for consent, and the rest is names. */
function plan(cluster: Cluster): Graph {
  const regions = planRegions(cluster);
  const records = planDns(cluster);
  const protection = cluster.spec.deletionProtection
    ? protectClaim(cluster.xr, 'OpenOvaCluster', PROTECTED)
    : [];
  return {
    nodes: [...protection, ...planNetworks(cluster), ...regions.nodes, ...records.nodes],
    problems: distinct([...choiceProblems(cluster), ...regions.problems]),
    leaving: records.leaving,
    kept: regions.kept,
  };
}

/** What this release of the platform does not have, said where the claim asks for it. */
function choiceProblems({ xr, regions, existing }: Cluster): Problem[] {
  const raw = listAt(specOf(xr), 'regions').filter(isObject);
  return regions.flatMap(({ spec }) => {
    if (isOlder(spec, textAt(existing.get(spec.name), 'status', 'release'))) return [];
    const own = raw.find((region) => region['name'] === spec.name) ?? {};
    return checkPlatform(spec).map((problem) => inCluster(problem, own));
  });
}
