import { describe, expect, test } from 'vitest';
import { DNS_PROVIDERS } from '../../functions/apis/fields.ts';
import { dnsProviders } from '../../functions/dns/index.ts';
import {
  apiVersionsOf,
  crdNameOf,
  packageOf,
  PACKAGES,
  versionRange,
} from '../../functions/providers/packages.ts';

describe('the provider packages', () => {
  test.each(PACKAGES)(
    '$name is a package at a version, and its range begins there',
    ({ package: reference, tested, below }) => {
      expect(reference).toMatch(/^[a-z0-9.-]+\.[a-z]+(\/[a-z0-9-]+)+$/);
      for (const version of [tested, below]) expect(version).toMatch(/^v[0-9]+\.[0-9]+\.[0-9]+$/);
      expect(versionRange({ tested, below })).toBe(`>=${tested}, <${below}`);
      const [major, minor] = tested.slice(1).split('.').map(Number);
      expect(below).toBe(major === 0 ? `v0.${(minor ?? 0) + 1}.0` : `v${(major ?? 0) + 1}.0.0`);
    },
  );

  test('no apiVersion is served by two', () => {
    const all = PACKAGES.flatMap(apiVersionsOf);
    expect(new Set(all).size).toBe(all.length);
    for (const one of PACKAGES)
      for (const apiVersion of apiVersionsOf(one)) expect(packageOf(apiVersion)?.name).toBe(one.name);
  });

  test('what Kubernetes and Crossplane serve needs none', () => {
    for (const apiVersion of [
      'v1',
      'batch/v1',
      'protection.crossplane.io/v1beta1',
      'platform.openova.io/v1alpha1',
    ])
      expect(packageOf(apiVersion)).toBeUndefined();
  });

  test.each(DNS_PROVIDERS)('%s has a package for its records', (provider) => {
    const found = PACKAGES.find(({ name }) => name === dnsProviders[provider].package);
    expect(found?.use).toBe(provider === 'hetzner' ? 'base' : provider);
    expect(found?.managed.length).toBeGreaterThan(0);
  });

  test('a kind goes by the name of its CRD', () => {
    const [kind] = PACKAGES[0].managed.filter((one) => one.kind === 'Network');
    expect(kind && crdNameOf(kind)).toBe('networks.network.hetzner.crossplane.io');
  });
});
