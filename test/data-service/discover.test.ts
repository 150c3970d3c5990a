import { describe, expect, it } from 'vitest';
import {
  enginesIn,
  hasOperator,
  platformOf as ownPlatform,
  servicesIn,
  servicesSelector,
} from '../../functions/data-service/discover.ts';
import type { JsonObject, Manifest } from '../../functions/kernel/manifest.ts';
import { platformOf, regionNamed, serviceOf } from './world.ts';

function service(name: string, spec: JsonObject, status: JsonObject = {}): Manifest {
  const xr = serviceOf(spec, {
    name: `${name}-abcde`,
    labels: { 'crossplane.io/claim-name': name, 'crossplane.io/claim-namespace': 'acme-platform' },
  });
  return { ...xr, status };
}

describe('servicesIn', () => {
  const FSN = { cluster: 'acme', region: 'fsn' };
  it.each([
    {
      reason: 'the region is named',
      xr: service('a', { placement: { primary: 'fsn' } }),
      place: FSN,
      found: true,
    },
    {
      reason: 'another region is named',
      xr: service('a', { placement: { primary: 'hel' } }),
      place: FSN,
      found: false,
    },
    {
      reason: 'a standby needs its operator too',
      xr: service('a', { placement: { primary: 'hel', standby: 'fsn' } }),
      place: FSN,
      found: true,
    },
    {
      reason: 'the service has chosen, nobody named a region',
      xr: service('a', {}, { activeRegion: 'fsn' }),
      place: FSN,
      found: true,
    },
    { reason: 'the service has not chosen yet', xr: service('a', {}), place: FSN, found: false },
    {
      reason: 'it lives in another cluster',
      xr: service('a', { clusterRef: { name: 'other' }, placement: { primary: 'fsn' } }),
      place: FSN,
      found: false,
    },
    {
      reason: 'it lives in a region that stands alone',
      xr: service('a', { clusterRef: undefined, regionRef: { name: 'edge' } }),
      place: { regionClaim: 'edge', region: 'main' },
      found: true,
    },
    {
      reason: 'a region that stands alone has none of a cluster of its name',
      xr: service('a', { clusterRef: { name: 'edge' }, placement: { primary: 'main' } }),
      place: { regionClaim: 'edge', region: 'main' },
      found: false,
    },
    {
      reason: 'it is being deleted, and its operator has work to do',
      xr: {
        ...service('a', { placement: { primary: 'fsn' } }),
        metadata: { name: 'a', deletionTimestamp: '2026-11-21T10:00:00Z' },
      },
      place: FSN,
      found: true,
    },
  ])('$reason: $found', ({ xr, place, found }) => {
    expect(servicesIn([xr], place).length).toBe(found ? 1 : 0);
  });

  it('are sorted by name, and their engines are there once', () => {
    const items = ['b', 'a'].map((name) => service(name, { placement: { primary: 'fsn' } }));
    expect(servicesIn(items, FSN).map(({ name }) => name)).toEqual(['a', 'b']);
    expect(enginesIn(items, FSN)).toEqual(['postgres']);
  });

  it('are looked for in one namespace alone', () => {
    expect(servicesSelector('acme-platform')).toEqual({
      apiVersion: 'platform.openova.io/v1alpha1',
      kind: 'XDataService',
      labels: { 'crossplane.io/claim-namespace': 'acme-platform' },
    });
  });
});

describe('the platform of a region', () => {
  const fsn = regionNamed({ name: 'fsn' });
  const hel = regionNamed({ name: 'hel' });

  it('is the one that the region owns', () => {
    const platforms = [platformOf(hel, []), platformOf(fsn, [])];
    expect(ownPlatform(platforms, fsn)?.metadata.name).toBe('acme-abcde-fsn-platform');
    expect(ownPlatform([platformOf(hel, [])], fsn)).toBeUndefined();
  });

  it.each([
    { reason: 'it says so', platform: platformOf(fsn, ['cnpg']), ready: true },
    { reason: 'it says nothing of it', platform: platformOf(fsn, ['mongodb']), ready: false },
    { reason: 'there is none', platform: undefined, ready: false },
  ])('has an operator when $reason', ({ platform, ready }) => {
    expect(hasOperator(platform, 'cnpg')).toBe(ready);
  });
});
