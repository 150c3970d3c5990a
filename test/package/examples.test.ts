import { describe, expect, it } from 'vitest';
import { parseCluster } from '../../functions/apis/cluster.ts';
import { parseDataService } from '../../functions/apis/data-service.ts';
import { ARCHIVES, AVAILABLE_CLOUDS, DNS_PROVIDERS, LOAD_BALANCERS } from '../../functions/apis/fields.ts';
import { parseRegion } from '../../functions/apis/region.ts';
import { isObject, textAt, type Json, type Manifest } from '../../functions/kernel/manifest.ts';
import { filesIn, objectsIn, read } from './files.ts';

const FILES = filesIn('examples').filter((file) => file.endsWith('.yaml'));
const CLAIMS = FILES.flatMap((file) => objectsIn(`examples/${file}`).map((claim) => ({ file, claim })));
const PARSERS = new Map<string, (claim: Manifest) => { readonly ok: boolean }>([
  ['DataService', parseDataService],
  ['OpenOvaCluster', parseCluster],
  ['OpenOvaRegion', parseRegion],
]);

function valuesAt(...path: string[]): string[] {
  return [...new Set(CLAIMS.flatMap(({ claim }) => textAt(claim, 'spec', ...path) ?? []))].sort();
}

describe('the examples', () => {
  it.each(CLAIMS.map(({ file, claim }) => ({ file, kind: claim.kind, claim })))(
    '$file: the $kind is valid',
    ({ kind, claim }) => {
      expect(PARSERS.get(kind)?.(claim)).toMatchObject({ ok: true });
    },
  );

  it('show every kind of claim and every choice at least once', () => {
    expect([...new Set(CLAIMS.map(({ claim }) => claim.kind))].sort()).toEqual([...PARSERS.keys()].sort());
    expect(valuesAt('cloud', 'provider')).toEqual([...AVAILABLE_CLOUDS].sort());
    expect(valuesAt('loadBalancer', 'type')).toEqual([...LOAD_BALANCERS].sort());
    expect(valuesAt('dns', 'provider')).toEqual([...DNS_PROVIDERS].sort());
    expect(valuesAt('archival', 'provider')).toEqual([...ARCHIVES].sort());
  });

  it.each(FILES)('%s says first what it is, and names every Secret and package that it needs', (file) => {
    const text = read(`examples/${file}`);
    const [head = ''] = text.split('\napiVersion:');
    expect(head).toMatch(/^# \S/);
    for (const { claim } of CLAIMS.filter((one) => one.file === file)) {
      for (const name of secretsIn(claim)) expect(head).toContain(name);
      const dns = textAt(claim, 'spec', 'dns', 'provider') ?? 'hetzner';
      if (dns !== 'hetzner') expect(head).toContain(`openova-dns-${dns}`);
    }
  });

  it('have names of their own, so that all of them can be applied together', () => {
    const names = CLAIMS.map(({ claim }) => `${claim.kind} ${claim.metadata.name ?? ''}`);
    expect(new Set(names).size).toBe(names.length);
    const domains = CLAIMS.flatMap(({ claim }) => textAt(claim, 'spec', 'domain') ?? []);
    expect(new Set(domains).size).toBe(domains.length);
  });
});

/** Names in fields such as `tokenSecretRef`. */
function secretsIn(value: Json): string[] {
  if (Array.isArray(value)) return value.flatMap(secretsIn);
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([field, child]) => [
    ...(/secretRef$/i.test(field) ? [textAt(child, 'name') ?? ''] : []),
    ...(child === undefined ? [] : secretsIn(child)),
  ]);
}
