/** XOpenOvaCluster: the private networks, one or two regions, DNS records, and protection of the claim. */
import { parseCluster, type ClusterSpec } from '../apis/cluster.ts';
import type { Composer, Graph } from '../kernel/graph.ts';
import { clusterOf, type Cluster } from './cluster.ts';
import { planDns } from './dns.ts';
import { planNetworks } from './network.ts';
import { planProtection } from './protection.ts';
import { planRegions } from './regions.ts';
import { report } from './report.ts';

export const clusterComposer: Composer<ClusterSpec> = {
  kind: 'XOpenOvaCluster',
  parse: parseCluster,
  plan: (input) => plan(clusterOf(input)),
  report: (input, settled) => report(clusterOf(input), settled, () => ({ memoryMiB: 0, volumesGb: [] })),
};

/** Everything follows the installed package: the regions' own functions ask for consent, and the rest is names. */
function plan(cluster: Cluster): Graph {
  const regions = planRegions(cluster);
  const records = planDns(cluster);
  return {
    nodes: [...planProtection(cluster), ...planNetworks(cluster), ...regions.nodes, ...records.nodes],
    problems: regions.problems,
    leaving: records.leaving,
    kept: regions.kept,
  };
}
