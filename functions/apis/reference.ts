/** docs/api.md: every field of every kind, for people. */
import { at, isObject, listAt, numberAt, textAt, type JsonObject } from '../kernel/manifest.ts';
import { GROUP } from '../kernel/names.ts';
import { CHANGES, type Change } from './describe.ts';
import { KINDS, type Kind } from './kinds.ts';
import { changeOf, fieldsOf, inline, type Field } from './structural.ts';

const CHANGE_MEANS: Readonly<Record<Change, string>> = {
  live: 'takes effect in place; nothing restarts',
  rolling: 'restarts or replaces what uses the field, one after the other',
  'new machines only': 'machines that exist keep what they were made with',
  refused: 'the API refuses it',
};

const code = (text: string) => `\`${text}\``;
/** Text that may stand in a cell of a table. */
const cell = (text: string) => text.replaceAll('|', '\\|');

/** What may stand in a field, in words. */
function typeOf(node: JsonObject): string {
  const choices = listAt(node, 'enum');
  if (choices.length > 0) return [...choices].map(String).sort().map(code).join(' | ');
  const { items, additionalProperties } = node;
  switch (node['type']) {
    case 'integer': {
      const [least, most] = [numberAt(node, 'minimum'), numberAt(node, 'maximum')];
      const bounded = most !== undefined && most < Number.MAX_SAFE_INTEGER;
      return bounded ? `number, ${String(least)} to ${String(most)}` : 'number';
    }
    case 'boolean':
      return '`true` | `false`';
    case 'array': {
      const most = numberAt(node, 'maxItems');
      const named = listAt(node, 'x-kubernetes-list-map-keys').length > 0 ? ', by name' : '';
      const what = isObject(items) && items['type'] === 'object' ? 'objects' : 'texts';
      return `list of ${most === undefined ? '' : `at most ${String(most)} `}${what}${named}`;
    }
    case 'object':
      if (at(node, 'properties') !== undefined) return 'object';
      return isObject(additionalProperties) || node['x-kubernetes-preserve-unknown-fields'] === true
        ? 'map'
        : 'object';
    default:
      return 'text';
  }
}

function defaultOf({ node, required }: Field): string {
  if (required) return '**required**';
  const otherwise = textAt(node, 'otherwise');
  if (otherwise !== undefined) return cell(otherwise);
  const value = node['default'];
  if (value === undefined || (isObject(value) && at(node, 'properties') !== undefined)) return '';
  return cell(code(value === '' ? '""' : inline(value)));
}

function descriptionOf(node: JsonObject): string {
  const example = textAt(node, 'example') ?? textAt(node, 'items', 'example');
  const words = cell(textAt(node, 'description') ?? '');
  return example === undefined || node['enum'] !== undefined
    ? words
    : `${words}. Such as ${cell(code(example))}`;
}

const isOverride = ({ node }: Field) => node['override'] === true;

/** The fields of a spec without those below an override, which are the cluster's own fields once more. */
function shownFields(fields: readonly Field[]): readonly Field[] {
  const overrides = fields.filter(isOverride).map(({ path }) => path);
  return fields.filter(
    ({ path }) => !overrides.some((above) => path.startsWith(`${above}.`) || path.startsWith(`${above}[`)),
  );
}

function row(field: Field): string {
  const { path, node } = field;
  if (isOverride(field)) {
    const own = path.replace(/^regions\[\]\./, '');
    return `| ${code(path)} | ${typeOf(node)} | ${code(own)} | | Overrides ${code(own)} for this region |`;
  }
  return `| ${code(path)} | ${cell(typeOf(node))} | ${defaultOf(field)} | ${changeOf(node) ?? ''} | ${descriptionOf(node)} |`;
}

function specTable(kind: Kind): readonly string[] {
  return [
    '| Field of `spec` | Type | Default | A change is | What it is |',
    '|---|---|---|---|---|',
    ...shownFields(fieldsOf(kind.schema)).map(row),
  ];
}

function statusTable(kind: Kind): readonly string[] {
  return [
    '| Field of `status` | Type | What it is |',
    '|---|---|---|',
    ...fieldsOf(kind.status).map(
      ({ path, node }) =>
        `| ${code(path)} | ${cell(typeOf(node))} | ${cell(textAt(node, 'description') ?? '')} |`,
    ),
  ];
}

function rulesOf(kind: Kind): readonly string[] {
  const all = [...kind.cel, ...(kind.claimCel ?? [])];
  if (all.length === 0) return [];
  const rules = all.map(({ path, message }) => `- ${code(path)} ${message}`);
  return ['', 'Rules:', '', ...new Set(rules)];
}

function section(kind: Kind): string {
  const { claim } = kind;
  const heading = claim?.kind ?? kind.kind;
  const short = code(`kubectl get ${claim?.shortName ?? kind.shortName}`);
  const expands = claim === undefined ? '' : ` It expands into one ${code(kind.kind)}.`;
  return [
    `## ${heading}`,
    '',
    `${kind.description}. ${short} lists them.${expands}`,
    '',
    ...specTable(kind),
    ...rulesOf(kind),
    '',
    ...statusTable(kind),
    '',
  ].join('\n');
}

/** The reference page of all kinds. */
export function reference(): string {
  const classes = CHANGES.map((change) => `| ${change} | ${CHANGE_MEANS[change]} |`);
  return [
    '<!-- Generated by `npm run generate` from the schemas in functions/apis. Edit those. -->',
    '',
    '# API reference',
    '',
    `All kinds are of the group ${code(GROUP)}, version \`v1alpha1\`. What people write are claims, in a namespace of their own:`,
    '`OpenOvaCluster`, `OpenOvaRegion` and `DataService`. Secrets that a claim names lie in its namespace.',
    '',
    'Every field says what a change of it does to what runs already:',
    '',
    '| A change is | It |',
    '|---|---|',
    ...classes,
    '',
    'Lists of things with a `name` are maps by that name: their order means nothing. A mistake is answered with the field,',
    'the value given and what is allowed, by the API server where it can tell and by a condition of the claim where it cannot;',
    '`openova validate FILE` says the same without a cluster.',
    '',
    'Every `status` also has `conditions`, one for each step. The annotation `platform.openova.io/retry` with any new value runs',
    'failed steps again.',
    '',
    ...KINDS.map(section),
  ].join('\n');
}
