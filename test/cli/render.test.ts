import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { isManifest, listAt, textAt, type Manifest } from '../../functions/kernel/manifest.ts';
import { idOf } from '../../functions/simulator/world.ts';
import { cut } from '../../functions/cli/style.ts';
import { folder, openova, REGION, type Ran } from './helpers.ts';

const { path, file } = folder();
let claim: string;
let yaml: Ran;

function objectsIn(text: string): Manifest[] {
  return parseAllDocuments(text).map((document) => {
    const value: unknown = document.toJS();
    if (!isManifest(value)) throw new Error('a document is no object');
    return value;
  });
}

/** Rendering plays a whole installation, on machines that do other things too. */
const TIME = 120_000;

beforeAll(async () => {
  claim = file('claim.yaml', REGION);
  yaml = await openova(['render', claim]);
}, TIME);

describe('openova render', () => {
  it('prints YAML where there is no terminal, and nothing beside it', () => {
    expect(yaml).toMatchObject({ code: 0, err: '' });
    expect(yaml.out.startsWith('---\n# wave 1, claim of XOpenOvaRegion acme-local\napiVersion: ')).toBe(true);
  });

  it('prints every object with the marks of the real engine, without status and managed fields', () => {
    const objects = objectsIn(yaml.out);
    const composed = objects.filter(({ metadata }) => metadata['ownerReferences'] !== undefined);

    expect(composed.length).toBe(objects.length - 1);
    for (const object of composed) {
      expect(object).toMatchObject({
        metadata: {
          name: expect.any(String),
          labels: {
            'crossplane.io/composite': 'acme-local',
            'crossplane.io/claim-name': 'acme',
            'crossplane.io/claim-namespace': 'team',
          },
          annotations: { 'crossplane.io/composition-resource-name': expect.any(String) },
          ownerReferences: [
            {
              kind: expect.stringMatching(/^XOpenOva/),
              uid: expect.any(String),
              controller: true,
              blockOwnerDeletion: true,
            },
          ],
        },
      });
      expect(object).not.toHaveProperty('status');
      expect(object).not.toHaveProperty('metadata.managedFields');
    }
    expect(new Set(objects.map(idOf)).size).toBe(objects.length);
  });

  it('names the private network of a server by the id that the provider has resolved for the subnet', () => {
    const server = objectsIn(yaml.out).find(({ kind }) => kind === 'Server');

    expect(server).toMatchObject({
      spec: { forProvider: { network: [{ ip: '10.0.0.11', networkId: expect.any(Number) }] } },
    });
  });

  it(
    'gives the same bytes every time',
    async () => {
      expect((await openova(['render', claim])).out).toBe(yaml.out);
    },
    TIME,
  );

  it(
    'prints one v1 List as JSON, with the same objects, also from standard input',
    async () => {
      const { code, out } = await openova(['render', '-', '-o', 'json'], { stdin: REGION });
      const list: unknown = JSON.parse(out);

      expect(code).toBe(0);
      expect(list).toMatchObject({ apiVersion: 'v1', kind: 'List' });
      expect(isManifest(list) ? listAt(list, 'items').filter(isManifest).map(idOf) : []).toEqual(
        objectsIn(yaml.out).map(idOf),
      );
    },
    TIME,
  );

  it(
    'prints the tree on a terminal, in colours, and ends with RAM, EUR and the next command',
    async () => {
      const { out, err } = await openova(['render', claim], { terminal: true });
      const plain = await openova(['render', claim], { terminal: true, env: { NO_COLOR: '1' } });
      const piped = await openova(['render', claim, '-o', 'tree']);

      expect(out).toContain('\u001b[');
      expect(err).toContain('wave 2, ');
      expect(plain.out).not.toContain('\u001b[');
      expect(plain.out.split('\n')).toEqual(piped.out.split('\n').map((line) => cut(line, 100)));
      expect(piped.out).not.toContain('…');
      expect(plain.out.split('\n')[0]).toBe('OpenOvaRegion acme in namespace team');
      expect(plain.out).toMatch(/├─ wave {2}4 {2}2 Server +machine\/{control-plane-1-g1, general-1-g1}\n/);
      expect(plain.out.trimEnd().split('\n').slice(-3)).toEqual([
        expect.stringMatching(/^\d+ objects of \d+ kinds in \d+ waves$/),
        expect.stringMatching(
          /^region main +RAM [\d.]+ GiB needed, 24\.0 GiB available {2}[\d.]+ EUR per month \(prices of [\d-]+\)$/,
        ),
        `Next: openova render ${claim} --graph waves.html`,
      ]);
    },
    TIME,
  );

  it(
    'says what to try next',
    async () => {
      const service = file(
        'service.yaml',
        'apiVersion: platform.openova.io/v1alpha1\nkind: DataService\nmetadata: {name: orders, namespace: team}\nspec: {regionRef: {name: acme}, engine: postgres}\n',
      );
      const last = async (...args: string[]) =>
        (await openova(['render', ...args, '-o', 'tree'])).out.trimEnd().split('\n').at(-1);

      expect(await last(claim, '--until', '2')).toBe(`Next: openova render ${claim} --until 3`);
      expect(await last(claim, '--until', '999')).toBe(`Next: openova render ${claim} --graph waves.html`);
      expect(await last(service)).toBe(
        `Next: openova render ${service} FILE, where FILE has the OpenOvaRegion "acme"`,
      );
      expect(await last(claim, service, '--until', 'first')).toBe(
        `Next: openova render ${claim} ${service} --until 2`,
      );
    },
    TIME,
  );

  it(
    'stops in a wave',
    async () => {
      const first = await openova(['render', claim, '--until', 'first']);
      const second = await openova(['render', claim, '--until', '2']);

      expect(first.code).toBe(0);
      expect(first.out).not.toContain('# wave 2');
      expect(second.out).toContain('# wave 2');
      expect(second.out).not.toContain('# wave 3');
    },
    TIME,
  );

  it(
    'shows what is there at the end, with what others wrote',
    async () => {
      const { out } = await openova(['render', claim, '--live']);
      const objects = objectsIn(out);

      expect(objects.find(({ kind }) => kind === 'XOpenOvaRegion')).toMatchObject({
        status: { phase: 'Ready' },
      });
      expect(
        textAt(
          objects.find(({ kind }) => kind === 'Server'),
          'status',
          'atProvider',
          'id',
        ),
      ).toMatch(/^\d+$/);
    },
    TIME,
  );

  it(
    'goes on from what exists: the same claim again adds nothing',
    async () => {
      const existing = file('existing.yaml', (await openova(['render', claim, '--live'])).out);
      const { out, code } = await openova(['render', claim, '--observed', existing]);

      expect(code).toBe(0);
      expect(out).not.toMatch(/# wave [1-9]/);
    },
    TIME,
  );

  it(
    'draws a picture that needs nothing else',
    async () => {
      const [svg, html] = [join(path, 'waves.svg'), join(path, 'waves.html')];
      await openova(['render', claim, '--graph', svg]);
      await openova(['render', claim, '--graph', html]);
      const [drawn, page] = [readFileSync(svg, 'utf8'), readFileSync(html, 'utf8')];

      for (const text of [drawn, page]) {
        expect(text).toContain('wave 9</text>');
        expect(text).toContain('XOpenOvaPlatform acme-local-platform');
        expect(text).toMatch(/RAM [\d.]+ GiB needed of 24\.0 GiB/);
        expect(text).toContain('EUR per month');
        expect(text).toContain(
          '<title>Server machine/control-plane-1-g1, acme-local-machine-control-plane-1-g1\nwave 4\nafter ',
        );
        expect(text).toContain(' arrow"');
        expect(text.replace('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|src=|@import|<link/);
      }
      expect(drawn.startsWith('<svg ')).toBe(true);
      expect(page.startsWith('<!doctype html>')).toBe(true);
    },
    TIME,
  );

  it(
    'exports the input of every render',
    async () => {
      const target = join(path, 'export');
      const { err } = await openova(['render', claim, '--export', target, '-o', 'tree']);
      const waves = readdirSync(target);
      const region = join(target, 'wave-02', 'xopenovaregion-acme-local');

      expect(err).toMatch(/^The input of \d+ renders is in .*export, docs\/ci\.md shows how to run them\n$/);
      expect(waves[0]).toBe('wave-01');
      expect(readdirSync(region).sort()).toEqual([
        'composition.yaml',
        'functions.yaml',
        'observed.yaml',
        'required.yaml',
        'schemas',
        'xr.yaml',
        'xrd.yaml',
      ]);
      expect(readFileSync(join(region, 'functions.yaml'), 'utf8')).toContain(
        'render.crossplane.io/runtime-development-target: 127.0.0.1:9443',
      );
      expect(
        objectsIn(readFileSync(join(region, 'observed.yaml'), 'utf8')).some(({ kind }) => kind === 'Network'),
      ).toBe(true);
    },
    TIME,
  );

  const wrong: Record<string, { reason: string; args: string[]; stdin?: string; code: number; err: string }> =
    {
      'an invalid claim': {
        reason: 'nothing is rendered from it',
        args: ['-'],
        stdin: REGION.replace('fsn1', 'mars'),
        code: 1,
        err: '<stdin>:8: spec.location is "mars"',
      },
      'no claim': {
        reason: 'there is nothing to render',
        args: ['-'],
        stdin: 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n',
        code: 2,
        err: 'no claim in "-"\n',
      },
      'no file': {
        reason: 'it names it',
        args: ['nowhere.yaml'],
        code: 2,
        err: 'cannot read "nowhere.yaml": no such file\n',
      },
      'no argument': {
        reason: 'the help is near',
        args: [],
        code: 2,
        err: "missing required argument 'file'\n(openova --help says more)\n",
      },
      'a wave that is none': {
        reason: 'it says what is allowed',
        args: ['-', '--until', 'last'],
        code: 2,
        err: 'It must be "first" or the number of a wave, from 1.',
      },
      'an unknown format': {
        reason: 'it says what is allowed',
        args: ['-', '-o', 'xml'],
        code: 2,
        err: 'Allowed choices are tree, yaml, json.',
      },
      'an unknown picture': {
        reason: 'before anything is rendered',
        args: ['-', '--graph', 'waves.png'],
        stdin: REGION,
        code: 2,
        err: 'cannot write --graph "waves.png": its name must end in .html or .svg\n',
      },
      'a picture in a folder that is not there': {
        reason: 'before anything is rendered',
        args: ['-', '--graph', 'nowhere/waves.svg'],
        stdin: REGION,
        code: 2,
        err: 'cannot write --graph "nowhere/waves.svg": no such folder "nowhere"\n',
      },
      'an export onto a file': {
        reason: 'before anything is rendered',
        args: ['-', '--export', 'package.json'],
        stdin: REGION,
        code: 2,
        err: 'cannot write --export "package.json": it is a file, must be a folder\n',
      },
      'an export below a file': {
        reason: 'in the same words',
        args: ['-', '--export', 'package.json/renders'],
        stdin: REGION,
        code: 2,
        err: 'cannot write --export "package.json/renders": a part of its path is a file, must be a folder\n',
      },
      'an unknown option': {
        reason: 'it guesses',
        args: ['-', '--grap', 'x'],
        code: 2,
        err: "unknown option '--grap'\n(Did you mean --graph?)",
      },
    };
  for (const [name, { reason, args, stdin, code, err }] of Object.entries(wrong)) {
    it(`${name}: ${reason}`, async () => {
      const ran = await openova(['render', ...args], stdin === undefined ? {} : { stdin });

      expect(ran).toMatchObject({ code, out: '' });
      expect(ran.err).toContain(err);
    });
  }

  it(
    'says what does not become ready: a service without its cluster',
    async () => {
      const service =
        'apiVersion: platform.openova.io/v1alpha1\nkind: DataService\nmetadata: {name: orders, namespace: team}\nspec: {engine: postgres, clusterRef: {name: nobody}}\n';
      const { code, err } = await openova(['render', '-'], { stdin: service });

      expect(code).toBe(3);
      expect(err).toContain('Not ready: DataService.platform.openova.io/team/orders');
    },
    TIME,
  );

  it(
    'cannot write into a folder that is a file',
    async () => {
      mkdirSync(join(path, 'blocked'));
      writeFileSync(join(path, 'blocked', 'wave-01'), '');
      const { code, err } = await openova([
        'render',
        claim,
        '--until',
        'first',
        '--export',
        join(path, 'blocked'),
      ]);

      expect(code).toBe(2);
      expect(err).toContain('cannot make the folder');
    },
    TIME,
  );
});
