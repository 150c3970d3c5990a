import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EXAMPLES, folder, openova, REGION } from './helpers.ts';

const { file } = folder();

const SERVICE = `apiVersion: platform.openova.io/v1alpha1
kind: DataService
metadata: { name: orders, namespace: team }
spec:
  clusterRef: { name: acme }
  engine: postgres
`;

describe('openova validate', () => {
  it('every example is valid', async () => {
    const files = readdirSync(EXAMPLES).map((name) => join(EXAMPLES, name));

    expect(await openova(['validate', ...files])).toMatchObject({ code: 0, err: '' });
  });

  it('says file, line, field, what was given and what is allowed, for every mistake', async () => {
    const path = file(
      'wrong.yaml',
      REGION.replace('count: 1\n', 'count: -1\n')
        .replace('fsn1', 'mars')
        .replace('domain:', 'domian:')
        .replace('192.0.2.10/32', '192.0.2.10/24'),
    );
    const { code, out, err } = await openova(['validate', path]);

    expect(code).toBe(1);
    expect(out).toBe('');
    expect(err.split('\n').filter((line) => line.startsWith(path))).toEqual([
      `${path}:6: spec.domain is missing, must look like acme.example.com`,
      `${path}:7: spec.domian is not a field, did you mean "domain"`,
      `${path}:8: spec.location is "mars", must be one of ash, fsn1, hel1, hil, nbg1, sin when cloud.provider is hetzner`,
      expect.stringContaining(`${path}:12: spec.access.managementCidrs[0] is "192.0.2.10/24"`),
      `${path}:16: spec.pools[general].count is -1, must be between 0 and 100`,
    ]);
    expect(err).toContain('5 mistakes in 1 object');
  });

  const cases: Record<string, { reason: string; text: string; code: number; out?: string; err?: string }> = {
    'a valid claim': { reason: 'it says so', text: REGION, code: 0, out: '1 valid\n' },
    'objects of other groups': {
      reason: 'they are none of our business, but counted',
      text: `${REGION}---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\n`,
      code: 0,
      out: '1 valid, 1 of other groups not looked at\n',
    },
    'only such objects': {
      reason: 'nothing was checked',
      text: 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n',
      code: 2,
      err: 'no claim in "-"\n',
    },
    'an unknown kind': {
      reason: 'it is likely a slip',
      text: REGION.replace('OpenOvaRegion', 'OpenOvaRegoin'),
      code: 1,
      err: '<stdin>:2: kind is "OpenOvaRegoin", did you mean "OpenOvaRegion"',
    },
    'an unknown version': {
      reason: 'the API server would not know it',
      text: REGION.replace('v1alpha1', 'v1'),
      code: 1,
      err: '<stdin>:1: apiVersion is "platform.openova.io/v1", must be platform.openova.io/v1alpha1',
    },
    'no name': {
      reason: 'kubectl refuses it',
      text: REGION.replace('  name: acme\n', ''),
      code: 1,
      err: '<stdin>:3: metadata.name is missing',
    },
    'a name that is too long': {
      reason: 'names are made from it',
      text: REGION.replace('name: acme\n', `name: ${'a'.repeat(41)}\n`),
      code: 1,
      err: '<stdin>:4: metadata.name is ',
    },
    'settings that the engine keeps to itself': {
      reason: 'the function would refuse them, with or without the cluster of the service',
      text: SERVICE.replace(
        'engine: postgres\n',
        'engine: postgres\n  parameters: { port: "5433", jit: off }\n',
      ),
      code: 1,
      err: '<stdin>:7: spec.parameters.port is set by the operator, must be left out\n1 mistake in 1 object\n',
    },
    'a setting of the engine beside a slip': {
      reason: 'one run names both',
      text: SERVICE.replace(
        'engine: postgres\n',
        'engine: postgres\n  parameters: { port: 5433 }\n  instances: 0\n',
      ),
      code: 1,
      err: '2 mistakes in 1 object\n',
    },
    'a component that there is not, beside a slip': {
      reason: 'one run names both',
      text: `${REGION}  platform: { components: { harbour: { enabled: true } } }\n  image: BAD IMAGE\n`,
      code: 1,
      err: '2 mistakes in 1 object\n',
    },
    'a component that others need switched off, beside a slip elsewhere': {
      reason: 'whether they fit can be told',
      text: `${REGION}  platform: { components: { cert-manager: { enabled: false } } }\n  image: BAD IMAGE\n`,
      code: 1,
      err: '2 mistakes in 1 object\n',
    },
    'a component that does not fit what is mistyped': {
      reason: 'whether it would fit cannot be told, but what there is not can',
      text: `${REGION}  platform: { components: { cilium-l2: { enabled: true }, harbour: {} } }\n  loadBalancer: { type: cillium-l2 }\n`,
      code: 1,
      err: '2 mistakes in 1 object\n',
    },
    'a release that is newer, beside a slip': {
      reason: 'one run names both',
      text: `${REGION}  platform: { release: "9.9" }\n  image: BAD IMAGE\n`,
      code: 1,
      err: '2 mistakes in 1 object\n',
    },
    'server types that have no price': {
      reason: 'they may be a slip or new, so it warns and passes',
      text: `${REGION}      serverTypes: [cx43, cx99]\n`.replace(
        'count: 1 }',
        'count: 1, serverTypes: [cy33] }',
      ),
      code: 0,
      out: '1 valid\n',
      err: [
        'Warning: <stdin>:13: spec.controlPlane.serverTypes[0] is "cy33", which is not in the price list of 2026-09-29\n',
        'Warning: <stdin>:17: spec.pools[general].serverTypes[1] is "cx99", which is not in the price list of 2026-09-29\n',
      ].join(''),
    },
    'the same claim twice': {
      reason: 'the second would win',
      text: `${REGION}---\n${REGION}`,
      code: 1,
      err: '<stdin>:21: metadata.name is "acme" twice, the first OpenOvaRegion of this name is at <stdin>:1',
    },
    'no spec': {
      reason: 'it is required',
      text: REGION.slice(0, REGION.indexOf('spec:')),
      code: 1,
      err: 'spec is missing, must be an object',
    },
    'a spec that is none': {
      reason: 'it is there, and says what it is',
      text: `${REGION.slice(0, REGION.indexOf('spec:'))}spec: 3\n`,
      code: 1,
      err: '<stdin>:6: spec is 3, must be an object\n1 mistake',
    },
    'one mistake in two items of one name': {
      reason: 'both have one field, so it is said once',
      text: REGION.replace('count: 1\n', 'count: -1\n').concat('    - name: general\n      count: -1\n'),
      code: 1,
      err: '<stdin>:15: spec.pools[general].name is "general" twice, must be unique\n<stdin>:16: spec.pools[general].count is -1, must be between 0 and 100\n2 mistakes',
    },
  };
  for (const [name, { reason, text, code, out, err }] of Object.entries(cases)) {
    it(`${name}: ${reason}`, async () => {
      const ran = await openova(['validate', '-'], { stdin: text });

      expect(ran.code).toBe(code);
      if (out !== undefined) expect(ran.out).toBe(out);
      if (err !== undefined) expect(ran.err).toContain(err);
    });
  }
});
