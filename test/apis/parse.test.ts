import { describe, expect, it } from 'vitest';
import { refusedChanges } from '../../functions/apis/changes.ts';
import { parseCluster } from '../../functions/apis/cluster.ts';
import { parseDataService } from '../../functions/apis/data-service.ts';
import { parseRegion } from '../../functions/apis/region.ts';
import type { Parsed } from '../../functions/kernel/graph.ts';
import type { JsonObject, Manifest } from '../../functions/kernel/manifest.ts';
import { cases, type ClaimKind } from './cases.ts';

const parsers: Readonly<Record<ClaimKind, (xr: Manifest) => Parsed<unknown>>> = {
  OpenOvaCluster: parseCluster,
  OpenOvaRegion: parseRegion,
  DataService: parseDataService,
};

function composite(kind: ClaimKind, name: string, spec: JsonObject): Manifest {
  return {
    apiVersion: 'platform.openova.io/v1alpha1',
    kind: `X${kind}`,
    metadata: {
      name: `${name}-x7k2p`,
      labels: { 'crossplane.io/claim-name': name, 'crossplane.io/claim-namespace': 'acme-platform' },
    },
    spec: { ...spec, claimRef: { kind, name, namespace: 'acme-platform' } },
  };
}

function said(parsed: Parsed<unknown>): readonly string[] {
  return parsed.ok ? [] : parsed.problems.map(({ field, message }) => `${field} ${message}`);
}

describe('parsing a composite', () => {
  const fresh = cases.filter(({ before }) => before === undefined);
  it.each(fresh)('$kind: $reason', ({ kind, name, spec, problems }) => {
    expect(said(parsers[kind](composite(kind, name ?? 'acme', spec)))).toEqual([...problems].sort());
  });
});

describe('comparing with what was', () => {
  const changed = cases.flatMap(({ before, ...rest }) => (before === undefined ? [] : [{ ...rest, before }]));
  it.each(changed)('$kind: $reason', ({ kind, spec, before, problems }) => {
    const refused = refusedChanges(kind, before, spec).map(({ field, message }) => `${field} ${message}`);
    expect(refused).toEqual([...problems].sort());
  });

  it.each(changed)('$kind, the same twice: $reason', ({ kind, spec }) => {
    expect(refusedChanges(kind, spec, spec)).toEqual([]);
  });
});
