/** `openova explain`: what a field is, out of the schemas that everything else is made from. */
import { nearest, jsonSchemaOf } from '../apis/parse.ts';
import type { Change } from '../apis/describe.ts';
import { KINDS, type Kind } from '../apis/kinds.ts';
import { changeOf, inline, propertiesOf } from '../apis/structural.ts';
import { API_VERSION } from '../apis/xrd.ts';
import { isObject, listAt, numberAt, textAt, type JsonObject } from '../kernel/manifest.ts';
import { commandIn, EXIT, UserError, type Io } from './io.ts';

/** @returns the exit code. */
export function explain(path: string | undefined, io: Io): number {
  io.out.write(path === undefined ? kinds(commandIn(io.env)) : field(path, io.out.columns));
  return EXIT.ok;
}

function namesOf({ claim, kind, plural, shortName }: Kind) {
  return claim ?? { kind, plural, shortName };
}

function kinds(command: string): string {
  const rows = KINDS.map((kind) => {
    const { kind: name, shortName } = namesOf(kind);
    return [name, shortName, `${kind.description}.`] as const;
  });
  return `${table(rows)}\nNext: ${command} explain ${rows[0]?.[0] ?? ''}\n`;
}

function kindNamed(text: string): Kind {
  const wanted = text.toLowerCase();
  const found = KINDS.find((kind) =>
    [kind, ...(kind.claim ? [kind.claim] : [])].some(({ kind: name, plural, shortName }) =>
      [name.toLowerCase(), plural, shortName].includes(wanted),
    ),
  );
  if (found !== undefined) return found;
  const all = KINDS.map((kind) => namesOf(kind).kind).sort();
  throw new UserError(`unknown kind "${text}", must be one of ${all.join(', ')}`);
}

/** A place in a schema: the path as people write it, and what stands there. */
interface Place {
  readonly path: string;
  readonly node: JsonObject;
  readonly required: boolean;
  /** Whether the cluster says what a region leaves out. */
  readonly inherited: boolean;
}

function field(text: string, columns: number): string {
  const [kindName = '', ...steps] = text.split('.');
  const kind = kindNamed(kindName);
  const [first] = steps;
  const part = first === 'status' ? 'status' : 'spec';
  const rest = first === 'spec' || first === 'status' ? steps.slice(1) : steps;
  const schema = jsonSchemaOf(part === 'spec' ? kind.schema : kind.status);
  const node = { ...schema, description: PARTS[part] };
  const start: Place = { path: part, node, required: false, inherited: false };
  const place = rest.reduce<Place>((here, step) => descend(here, step, kindName), start);

  const whole = rest.length === 0 && first === undefined;
  const names = namesOf(kind);
  const head: [string, string][] = [
    ['KIND', `${names.kind} (${API_VERSION}, kubectl get ${names.shortName})`],
    ...(whole ? [] : facts(place)),
  ];
  const described = whole ? kind.description : textAt(place.node, 'description');
  const children = childrenOf(place);
  return [
    table(head),
    ...(described === undefined || described === '' ? [] : [`\n${wrapped(`${described}.`, columns)}\n`]),
    ...(children.length === 0 ? [] : [`\nFIELDS OF ${place.path}\n`]),
    ...children.map((child) => entry(child, columns)),
  ].join('');
}

const PARTS = { spec: 'What should be', status: 'What is' };

function facts(place: Place): [string, string][] {
  const { path, node } = place;
  const change = changeOf(node);
  const example = textAt(node, 'example') ?? textAt(node, 'items', 'example');
  const fallback = defaultOf(place);
  return [
    ['FIELD', path],
    ['TYPE', typeOf(node)],
    ...(fallback === '' ? [] : [['DEFAULT', fallback] satisfies [string, string]]),
    ...(change === undefined ? [] : [['CHANGE', `${change}: ${MEANS[change]}`] satisfies [string, string]]),
    ...(example === undefined ? [] : [['EXAMPLE', example] satisfies [string, string]]),
  ];
}

const MEANS: Readonly<Record<Change, string>> = {
  live: 'takes effect in place, nothing restarts',
  rolling: 'restarts or replaces what uses it, one after the other',
  'new machines only': 'machines that exist keep what they were made with',
  refused: 'the API refuses it',
};

/** A field in a line, and below it what it is. */
function entry(place: Place, columns: number): string {
  const { path, node, required } = place;
  const fallback = defaultOf(place);
  const unless = required || fallback === '' ? fallback : `default ${fallback}`;
  const head = `${path.slice(path.lastIndexOf('.') + 1)}  ${[typeOf(node), ...(unless === '' ? [] : [unless])].join('; ')}`;
  const words = textAt(node, 'description') ?? '';
  const lines = words === '' ? [] : wrapped(words, columns - INDENT.length).split('\n');
  return [head, ...lines.map((line) => `${INDENT}${line}`)].map((line) => `${line}\n`).join('');
}

const INDENT = '    ';

/** The fields of an object, of the items of a list, or of the values of a map. */
function childrenOf({ path, node, inherited }: Place): Place[] {
  const { items, additionalProperties } = node;
  const [inner, mark] = isObject(items)
    ? [items, '[]']
    : isObject(additionalProperties)
      ? [additionalProperties, '.<name>']
      : [node, ''];
  const required = listAt(inner, 'required');
  return propertiesOf(inner).map(([name, child]) => ({
    path: `${path}${mark}.${name}`,
    node: child,
    required: required.includes(name),
    // A region overrides objects by field, and lists whole.
    inherited: child['override'] === true || (inherited && inner === node),
  }));
}

function descend(place: Place, step: string, kindName: string): Place {
  const name = step.replace(/\[.*$/, '');
  const children = childrenOf(place);
  const found = children.find(({ path }) => path.endsWith(`.${name}`));
  if (found !== undefined) return found;
  // Any name is a key of a map.
  const { additionalProperties } = place.node;
  if (isObject(additionalProperties) && propertiesOf(additionalProperties).length > 0)
    return { path: `${place.path}.<name>`, node: additionalProperties, required: false, inherited: false };
  const names = children.map(({ path }) => path.slice(path.lastIndexOf('.') + 1)).sort();
  const near = nearest(name, names);
  const hint =
    near !== undefined
      ? `did you mean "${near}"`
      : names.length === 0
        ? 'there are no fields below it'
        : `must be one of ${names.join(', ')}`;
  throw new UserError(`unknown field "${name}" of ${kindName}.${place.path}, ${hint}`);
}

/** What may stand in a field, in words. */
function typeOf(node: JsonObject): string {
  const choices = listAt(node, 'enum');
  if (choices.length > 0) return choices.map(String).sort().join(' | ');
  const { items, additionalProperties } = node;
  switch (node['type']) {
    case 'integer': {
      const [least, most] = [numberAt(node, 'minimum'), numberAt(node, 'maximum')];
      return most === undefined || most >= Number.MAX_SAFE_INTEGER
        ? 'whole number'
        : `whole number from ${least ?? 0} to ${most}`;
    }
    case 'boolean':
      return 'true | false';
    case 'array': {
      const named = listAt(node, 'x-kubernetes-list-map-keys').length > 0 ? ' by name' : '';
      return `list of ${isObject(items) && items['type'] === 'object' ? `objects${named}` : 'texts'}`;
    }
    case 'object': {
      if (propertiesOf(node).length > 0) return 'object';
      const open = isObject(additionalProperties) || node['x-kubernetes-preserve-unknown-fields'] === true;
      return open ? 'map' : 'object';
    }
    default:
      return 'text';
  }
}

function defaultOf({ node, required, inherited }: Place): string {
  if (inherited) return 'what the cluster says';
  if (required) return 'required';
  const otherwise = textAt(node, 'otherwise');
  if (otherwise !== undefined) return otherwise;
  const value = node['default'];
  return value === undefined || isObject(value) ? '' : inline(value);
}

/** Columns of text, the last one as wide as it is. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = rows.reduce<number[]>(
    (widest, cells) => cells.map((cell, index) => Math.max(widest[index] ?? 0, cell.length)),
    [],
  );
  return rows
    .map((cells) => {
      const line = cells.map((cell, index) =>
        index === cells.length - 1 ? cell : cell.padEnd(widths[index] ?? 0),
      );
      return `${line.join('  ').trimEnd()}\n`;
    })
    .join('');
}

function wrapped(text: string, columns: number): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length + 1 > Math.max(columns, 40)) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.join('\n');
}
