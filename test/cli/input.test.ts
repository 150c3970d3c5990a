import { describe, expect, it } from 'vitest';
import { pathOf, readSources } from '../../functions/cli/input.ts';
import type { Io } from '../../functions/cli/io.ts';
import { folder } from './helpers.ts';

const { file } = folder();
const silent = { write: () => undefined, isTerminal: false, columns: 80 };
const io = (stdin = ''): Io => ({
  out: silent,
  err: silent,
  readStdin: () => Promise.resolve(stdin),
  env: {},
});
const object = (name: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\n`;

describe('readSources', () => {
  it('reads several documents of several files, and standard input, in their order', async () => {
    const one = file('one.yaml', `${object('a')}---\n# nothing\n---\n${object('b')}`);
    const sources = await readSources([one, '-'], io(object('c')));

    expect(sources.map((source) => [source.object.metadata.name, source.line])).toEqual([
      ['a', 1],
      ['b', 7],
      ['c', 1],
    ]);
    expect(sources[2]?.file).toBe('<stdin>');
  });

  it('reads lists, as kubectl prints them, and JSON', async () => {
    const text =
      '{"apiVersion": "v1", "kind": "List", "items": [\n{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"},\n"data": {"k": "v"}}]}';
    const [source] = await readSources([file('list.json', text)], io());

    expect(source?.object).toMatchObject({ kind: 'Secret' });
    expect([source?.line, source?.lineOf('data.k')]).toEqual([2, 3]);
  });

  const failures: Record<string, { reason: string; read: () => Promise<unknown>; message: string }> = {
    'no such file': {
      reason: 'it names the file',
      read: () => readSources(['nowhere.yaml'], io()),
      message: 'cannot read "nowhere.yaml": no such file',
    },
    'a folder': {
      reason: 'it says so',
      read: () => readSources(['/'], io()),
      message: 'cannot read "/": it is a folder',
    },
    'broken YAML': {
      reason: 'it says where',
      read: () => readSources(['-'], io('a: 1\nb: [1\n')),
      message: '<stdin>:3: cannot read YAML',
    },
    'an alias of nothing': {
      reason: 'it says which, and where',
      read: () => readSources(['-'], io('a: 1\nb: *x\n')),
      message: '<stdin>:2: cannot read YAML: alias "*x" has no anchor before it',
    },
    'an alias of itself': {
      reason: 'there is no end to it',
      read: () => readSources(['-'], io('a: &a\n  b: [*a]\n')),
      message: '<stdin>:2: cannot read YAML: alias "*a" stands for what it is in',
    },
    'aliases of aliases of aliases': {
      reason: 'a few lines would fill the memory',
      read: () =>
        readSources(
          ['-'],
          io(
            ['a0: &a0 [x]', ...[1, 2, 3, 4].map((n) => `a${n}: &a${n} [${`*a${n - 1}, `.repeat(9)}]`)].join(
              '\n',
            ),
          ),
        ),
      message: '<stdin>:1: cannot read YAML: its aliases stand for too much',
    },
    'a key twice': {
      reason: 'the second would win in silence',
      read: () => readSources(['-'], io('a:\n  b: 1\n  b: 2\n')),
      message: '<stdin>:3: cannot read YAML: "b" is there twice',
    },
    'two files put together': {
      reason: 'what is most often missing',
      read: () => readSources(['-'], io(`${object('a')}# another\n${object('b')}`)),
      message:
        '<stdin>:5: cannot read YAML: "apiVersion" is there twice, a line "---" must stand between two objects',
    },
    'no object': {
      reason: 'it says what is missing',
      read: () => readSources(['-'], io('kind: X\n')),
      message: '<stdin>:1: cannot read a Kubernetes object: apiVersion, metadata missing',
    },
    'nothing at all': {
      reason: 'a command with nothing to do is a mistake',
      read: () => readSources(['-'], io('---\n')),
      message: 'no object in "-"',
    },
    'standard input twice': {
      reason: 'it can be read once',
      read: () => readSources(['-', '-'], io(object('a'))),
      message: 'cannot read standard input twice',
    },
  };
  for (const [name, { reason, read, message }] of Object.entries(failures)) {
    it(`${name}: ${reason}`, async () => {
      await expect(read()).rejects.toThrow(message);
    });
  }
});

describe('lineOf', () => {
  const text = `apiVersion: v1
kind: Thing
metadata:
  name: x
spec:
  domain: d
  pools:
    - name: one
      count: 1
    - count: 2
      name: two
      labels:
        example.com/tier: front
  list: [a, b,
    c]
`;
  const lines: Record<string, { reason: string; field: string; line: number }> = {
    'a field': { reason: 'its key', field: 'spec.domain', line: 6 },
    'an item by name': { reason: 'wherever its name stands', field: 'spec.pools[two].count', line: 10 },
    'an item by index': { reason: 'items without names', field: 'spec.list[2]', line: 15 },
    'a name with dots': {
      reason: 'labels have them',
      field: 'spec.pools[two].labels.example.com/tier',
      line: 13,
    },
    'a missing field': { reason: 'what should hold it', field: 'spec.pools[one].taints', line: 8 },
    'a missing item': { reason: 'the list', field: 'spec.pools[three].count', line: 7 },
    'nothing of it': { reason: 'the object', field: 'status.phase', line: 1 },
  };
  for (const [name, { reason, field, line }] of Object.entries(lines)) {
    it(`${name}: ${reason}`, async () => {
      const [source] = await readSources(['-'], io(text));

      expect(source?.lineOf(field)).toBe(line);
    });
  }

  it('paths have names, and items in brackets', () => {
    expect(pathOf('spec.pools[general].count')).toEqual(['spec', 'pools', { item: 'general' }, 'count']);
  });
});
