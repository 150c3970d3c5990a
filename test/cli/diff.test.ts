import { describe, expect, it } from 'vitest';
import { lossOf, textOf, transition } from '../../functions/cli/diff.ts';
import { painter } from '../../functions/cli/style.ts';
import type { Json, JsonObject, Manifest } from '../../functions/kernel/manifest.ts';
import { folder, openova, REGION } from './helpers.ts';

const { file } = folder();
const old = file('old.yaml', REGION);
/** Each compares two whole installations, on machines that do other things too. */
const TIME = 240_000;

describe('openova diff', () => {
  it(
    'nothing changes: it says so and exits with 0',
    async () => {
      const { code, out } = await openova(['diff', old, old]);

      expect(code).toBe(0);
      expect(out).toContain('OpenOvaRegion team/acme  unchanged\n');
      expect(out).toContain('0 created, 0 changed in place, 0 deleted');
    },
    TIME,
  );

  it(
    'a pool grows: what is made and changed, field by field, with RAM and EUR before and after',
    async () => {
      const more = file('more.yaml', REGION.replace('count: 1\n', 'count: 2\n'));
      const { code, out } = await openova(['diff', old, more]);

      expect(code).toBe(0);
      expect(out).toContain(
        'OpenOvaRegion team/acme  changed\n  ~ spec.pools[general].count  1 → 2  (live)\n',
      );
      expect(out).toContain('  + Server acme-local-machine-general-2-g1\n');
      expect(out).toContain('      spec.nodes.agents  1 → 2\n');
      expect(out).toMatch(
        /region main: RAM needed .* of 24\.0 GiB → .* of 40\.0 GiB, EUR per month [\d.]+ → [\d.]+\n/,
      );
      expect(out).not.toContain('Deleted:');
    },
    TIME,
  );

  it(
    'a pool shrinks: the machine that goes, its drain on the way, and exit code 2',
    async () => {
      const more = file('more.yaml', REGION.replace('count: 1\n', 'count: 2\n'));
      const { code, out } = await openova(['diff', more, '-'], { stdin: REGION });

      expect(code).toBe(2);
      expect(out).toContain('  - Server acme-local-machine-general-2-g1  (a machine goes)\n');
      expect(out).toMatch(
        /On the way, and gone at the end:\n.*Job openova-system\/acme-local-drain-and-remove-general-2-g1/,
      );
    },
    TIME,
  );

  it(
    'a field that cannot change: refused, and nothing is compared as if it had',
    async () => {
      const moved = file('moved.yaml', REGION.replace('fsn1', 'nbg1'));
      const { code, out } = await openova(['diff', old, moved]);

      expect(code).toBe(1);
      expect(out).toContain(
        '! refused: spec.location was "fsn1" and is "nbg1", cannot change after creation',
      );
      expect(out).toContain('0 created, 0 changed in place, 0 deleted');
    },
    TIME,
  );

  it(
    'the claim is gone: so is everything',
    async () => {
      const other = file('other.yaml', REGION.replace('name: acme\n', 'name: next\n'));
      const { code, out } = await openova(['diff', old, other]);

      expect(code).toBe(2);
      expect(out).toContain('  - Server acme-local-machine-control-plane-1-g1  (a machine goes)\n');
      expect(out).toContain('OpenOvaRegion team/acme  gone\nOpenOvaRegion team/next  new\n');
      expect(out).toContain('  + Server next-local-machine-control-plane-1-g1\n');
    },
    TIME,
  );

  it(
    'a service comes and goes: its composite is among what is created and deleted, and nothing passes',
    async () => {
      const service = `apiVersion: platform.openova.io/v1alpha1
kind: DataService
metadata: { name: orders, namespace: team }
spec: { regionRef: { name: acme }, engine: postgres }
`;
      const both = file('both.yaml', `${REGION}---\n${service}`);
      const comes = await openova(['diff', old, both]);
      const goes = await openova(['diff', both, old]);

      expect(comes.code).toBe(0);
      expect(comes.out).toContain('  + XDataService orders-local\n');
      expect(comes.out).not.toContain('On the way');
      expect(goes.code).toBe(2);
      expect(goes.out).toContain('  - XDataService orders-local  (data goes)\n');
    },
    TIME,
  );

  const errors: Record<string, { reason: string; args: string[]; err: string }> = {
    'a missing file': {
      reason: 'it must not look like a loss',
      args: [old, 'nowhere.yaml'],
      err: 'cannot read "nowhere.yaml"',
    },
    'a missing argument': { reason: 'nor must this', args: [old], err: "missing required argument 'new'" },
    'an invalid claim': { reason: 'it is not compared', args: [old, '-'], err: '<stdin>:8: spec.location' },
  };
  for (const [name, { reason, args, err }] of Object.entries(errors)) {
    it(`${name}: ${reason}`, async () => {
      const ran = await openova(['diff', ...args], { stdin: REGION.replace('fsn1', 'mars') });

      expect(ran).toMatchObject({ code: 1, out: '' });
      expect(ran.err).toContain(err);
    });
  }
});

describe('transition', () => {
  const shared = 'x'.repeat(80);
  const nodes = ['node-1', 'node-2', 'node-3', 'node-4', 'node-5', 'node-6', 'node-7'];
  const cases: Record<
    string,
    { reason: string; from: Json | undefined; to: Json | undefined; want: string }
  > = {
    short: { reason: 'all of it', from: 1, to: undefined, want: '1 → left out' },
    'two long texts with one beginning': {
      reason: 'the part in which they differ',
      from: `${shared}a`,
      to: `${shared}b`,
      want: `…${'x'.repeat(15)}a" → …${'x'.repeat(15)}b"`,
    },
    'two long texts with one end': {
      reason: 'what is cut is marked',
      from: `a${shared}`,
      to: `b${shared}`,
      want: `"a${'x'.repeat(58)}… → "b${'x'.repeat(58)}…`,
    },
    'a long list': {
      reason: 'what comes and what goes',
      from: nodes,
      to: [...nodes.slice(1), 'node-8'],
      want: '+ "node-8" - "node-1"',
    },
    'a long list in another order': {
      reason: 'nothing comes or goes, and yet they differ',
      from: nodes,
      to: nodes.toReversed(),
      want: `["node-1","node-2","node-3","node-4","node-5","node-6","node… → ["node-7","node-6","node-5","node-4","node-3","node-2","node…`,
    },
  };
  for (const [name, { reason, from, to, want }] of Object.entries(cases)) {
    it(`${name}: ${reason}`, () => {
      expect(transition(from, to)).toBe(want);
    });
  }
});

describe('textOf', () => {
  const made = (name: string, key: string) => ({
    id: name,
    fields: [],
    manifest: {
      apiVersion: 'v1',
      kind: 'Job',
      metadata: { name, annotations: { 'crossplane.io/composition-resource-name': key } },
    },
  });

  it('says the key where a hash stands for the end of the name', () => {
    const created = [made('acme-server-cont-00637532', 'server/control-plane-2-g1'), made('acme-api', 'api')];
    const difference = { edits: [], changed: [], deleted: [], passing: [], estimates: [] };
    const text = textOf({ ...difference, created }, painter(false));

    expect(text).toContain(
      '  + Job acme-server-cont-00637532, server/control-plane-2-g1\n  + Job acme-api\n',
    );
  });

  it('says no key where the hash is the end of that', () => {
    const created = [made('acme-dns-api-a-0e9ef79f', 'dns/api/a/0e9ef79f')];
    const difference = { edits: [], changed: [], deleted: [], passing: [], estimates: [] };

    expect(textOf({ ...difference, created }, painter(false))).toContain('  + Job acme-dns-api-a-0e9ef79f\n');
  });
});

describe('lossOf', () => {
  const keyed = (kind: string, key: string, spec: JsonObject = {}): Manifest => ({
    apiVersion: 'a/v1',
    kind,
    metadata: { name: 'x', annotations: { 'crossplane.io/composition-resource-name': key } },
    spec,
  });
  const wrapped = (kind: string) => keyed('Object', 'o', { forProvider: { manifest: { kind } } });
  const cases: Record<
    string,
    { reason: string; object: Manifest; after?: Manifest; loss: string | undefined }
  > = {
    'a server': {
      reason: 'a machine with all it holds',
      object: keyed('Server', 'machine/a'),
      loss: 'a machine goes',
    },
    'a machine that exists': {
      reason: 'it leaves the region',
      object: keyed('Job', 'agent/four/1'),
      loss: 'a machine leaves the region',
    },
    'a machine under another identity': {
      reason: 'it is done again',
      object: keyed('Job', 'agent/four/1'),
      after: keyed('Job', 'agent/four/2'),
      loss: undefined,
    },
    'another Job': {
      reason: 'what it did stays done',
      object: keyed('Job', 'upgrade/four/1'),
      loss: undefined,
    },
    'a database': { reason: 'its volumes go', object: wrapped('Cluster'), loss: 'data goes' },
    'an issuer': { reason: 'it holds nothing', object: wrapped('ClusterIssuer'), loss: undefined },
    'a service': { reason: 'with its databases', object: keyed('XDataService', ''), loss: 'data goes' },
    'a stateless release': {
      reason: 'it holds nothing',
      object: keyed('Release', 'cert-manager'),
      loss: undefined,
    },
  };
  for (const [name, { reason, object, after, loss }] of Object.entries(cases)) {
    it(`${name}: ${reason}`, () => {
      expect(lossOf(object, new Map(after === undefined ? [] : [['other', after]]))).toBe(loss);
    });
  }
});
