import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DNS_PROVIDERS, type Dns } from '../../functions/apis/fields.ts';
import { dnsProviders } from '../../functions/dns/index.ts';
import { planRecords, TTL } from '../../functions/dns/records.ts';
import { observe } from '../../functions/kernel/observed.ts';
import { PACKAGES } from '../../functions/providers/packages.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/dns.md'), 'utf8');

/** The last column of the rows of the first table: keys, with a region's name and the type left open. */
function documentedKeys(): string[] {
  const [records = ''] = page.split('## Providers');
  return [...records.matchAll(/\| `([a-z]+(?:\/<region>)?\/<type>)` \|$/gm)]
    .map((match) => match[1] ?? '')
    .sort();
}

describe('docs/dns.md', () => {
  test('lists every key, and no other', () => {
    const dns: Dns = { provider: 'route53', zone: 'example.com', providerConfigRef: { name: 'default' } };
    const addresses = ['203.0.113.1', '2001:db8::1'];
    const { nodes } = planRecords({
      dns,
      domain: 'acme.example.com',
      regions: [{ name: 'fsn', api: addresses, gateway: addresses }],
      primary: 'fsn',
      delegated: ['fsn'],
      deletionPolicy: 'Delete',
      observed: observe(new Map()),
      step: 'DNSReady',
    });
    const made = nodes.map(({ key }) =>
      key
        .replace('dns/route53/example.com/', '')
        .replace('/fsn/', '/<region>/')
        .replace(/[a-z]+$/, '<type>'),
    );
    expect(documentedKeys()).toEqual([...new Set(made)].sort());
  });

  test.each(DNS_PROVIDERS)('names the package and the kinds of %s', (provider) => {
    const row = page.split('\n').find((line) => line.startsWith(`| \`${provider}\` |`)) ?? '';
    const found = PACKAGES.find(({ name }) => name === dnsProviders[provider].package);
    expect(row).toContain(`| ${found?.package ?? ''} |`);
    const [apiVersion] = (found?.managed ?? [])
      .map((kind) => kind.apiVersion)
      .filter((one) => /dns|route53|network\.azure/.test(one));
    for (const kind of found?.managed.filter((one) => one.apiVersion === apiVersion) ?? [])
      expect(row).toContain(kind.kind);
  });

  test('says how long an answer may be kept', () => {
    expect(page).toContain(`The time to live is ${TTL} s`);
  });
});
