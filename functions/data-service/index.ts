/** XDataService: a database in a region that a cluster or region claim of the same namespace made. */
import { parseDataService, type DataServiceSpec } from '../apis/data-service.ts';
import { claimNameOf, claimNamespaceOf } from '../kernel/claim.ts';
import type { Composer, Graph, Input, Node, Problem } from '../kernel/graph.ts';
import { CLAIM_NAMESPACE_LABEL, GROUP } from '../kernel/names.ts';
import { formerConnections } from './connection.ts';
import { claimOf, homeSelectors } from './discover.ts';
import type { Engine } from './engines/engine.ts';
import { postgres } from './engines/postgres.ts';
import { findHome, isMissing, namespaceKey, type Home, type Site } from './home.ts';
import { remote } from './objects.ts';
import { reportMissing, reportSite } from './report.ts';
import { IN_USE, inReach, inUse } from './usage.ts';

const ENGINES: ReadonlyMap<string, Engine> = new Map([['postgres', postgres]]);

export const dataServiceComposer: Composer<DataServiceSpec> = {
  kind: 'XDataService',
  parse: parseDataService,
  requires: (spec, xr) => {
    const namespace = claimNamespaceOf(xr);
    return namespace === undefined ? {} : { ...homeSelectors(spec, namespace) };
  },
  plan,
  report: (input, settled) => {
    const found = findHome(input);
    const engine = ENGINES.get(input.spec.engine);
    return isMissing(found) || engine === undefined
      ? reportMissing(input, settled, isMissing(found) ? found : undefined)
      : reportSite(siteOf(input, found), engine, settled);
  },
};

function plan(input: Input<DataServiceSpec>): Graph {
  const { spec, observed } = input;
  const engine = ENGINES.get(spec.engine);
  const problems = checkInput(input);
  const found = findHome(input);
  if (engine === undefined || isMissing(found)) {
    const claim = claimOf(spec);
    return {
      nodes: [waitsFor(`a region of ${claim.kind} "${claim.name}"`)],
      kept: new Map(observed.ours.map(([key]) => [key, 'its region is not found'])),
      problems,
    };
  }
  const site = siteOf(input, found);
  return {
    nodes: [namespaceOf(site, engine.operator), inUse(site), inReach(site), ...engine.plan(site)],
    problems,
    leaving: formerConnections(site),
  };
}

/** Every mistake in a claim that only its engine knows. */
export function checkService(
  spec: Pick<DataServiceSpec, 'database' | 'engine' | 'parameters'>,
): readonly Problem[] {
  return (
    ENGINES.get(spec.engine)?.check(spec) ?? [
      { field: 'spec.engine', message: `is "${spec.engine}", which is not available yet` },
    ]
  );
}

function checkInput({ xr, spec }: Input<DataServiceSpec>): Problem[] {
  return [
    ...(claimNamespaceOf(xr) === undefined
      ? [
          {
            field: `metadata.labels[${CLAIM_NAMESPACE_LABEL}]`,
            message: 'is missing: make a DataService, which makes this by itself',
          },
        ]
      : []),
    ...checkService(spec),
  ];
}

/** Stands for everything that cannot be planned without a region: it is never made, and keeps the service from being ready. */
function waitsFor(what: string): Node {
  return {
    key: IN_USE,
    step: 'RegionFound',
    once: true,
    ready: () => false,
    after: [what],
    manifest: { apiVersion: 'protection.crossplane.io/v1beta1', kind: 'Usage' },
  };
}

/** The service's namespace, and with it everything that is in it: the one object whose deletion reaches the region. */
function namespaceOf(site: Site, operator: string): Node {
  return remote(site, {
    key: namespaceKey(site.home.region),
    step: 'PrimaryReady',
    // Before that the region may not even have an API to put it into.
    operator,
    deletionPolicy: 'Delete',
    manifest: {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: site.namespace, labels: { [`${GROUP}/data-service`]: site.name } },
    },
  });
}

/** Nobody else's namespace begins so: deleting the service deletes it. */
const NAMESPACE_PREFIX = 'openova-data-';

function siteOf({ xr, spec, observed }: Input<DataServiceSpec>, home: Home): Site {
  const name = claimNameOf(xr);
  return {
    xr,
    spec,
    observed,
    home,
    name,
    claimNamespace: claimNamespaceOf(xr) ?? '',
    namespace: `${NAMESPACE_PREFIX}${name}`,
  };
}
