/** From what a user wrote to typed input, or to every mistake in it at once. */
import * as z from 'zod';
import type { Problem } from '../kernel/graph.ts';
import { canonical, isObject, listAt,
  withField,
  type Json,
  type JsonObject,
  type Manifest,
} from '../kernel/manifest.ts';
import { problemOf, readsOf, type CelRule, type Rule, type Transition } from './rules.ts';

/**
 * Fields that Crossplane puts into the spec of a claim or composite, no business of ours
 * (crossplane-runtime v2.4.0 pkg/xcrd/schemas.go, scope LegacyCluster, read 2026-11-21).
 */
export const MACHINERY = [
  'claimRef',
  'compositeDeletePolicy',
  'compositionRef',
  'compositionRevisionRef',
  'compositionRevisionSelector',
  'compositionSelector',
  'compositionUpdatePolicy',
  'resourceRef',
  'resourceRefs',
  'writeConnectionSecretToRef',
] as const;

const machinery: ReadonlySet<string> = new Set(MACHINERY);

/** What the spec of one kind must be. */
export interface Contract<Given> {
  readonly schema: z.ZodType<Given>;
  readonly rules: readonly Rule<Given>[];
  /** Rules over what was and what shall be, beside those that follow from the class `refused`. */
  readonly transitions: readonly Transition<Given>[];
  /** All of the rules as the API server gets them; those of a cluster hold for its regions too. */
  readonly cel: readonly CelRule[];
  /** A least spec that has every required field: stands in for what is missing while the other rules are checked. */
  readonly least: JsonObject;
}

export interface Reading<Given> {
  readonly problems: readonly Problem[];
  /** What was given with defaults filled in; undefined when there are problems. */
  readonly given: Given | undefined;
  /** The same of what is left without the problems: only to look for more of them. */
  readonly sound: Given | undefined;
}

function canonicalObject(value: JsonObject): JsonObject {
  const sorted = canonical(value);
  return isObject(sorted) ? sorted : {};
}

/** The user's part of a composite's or claim's spec. */
export function specOf(xr: Manifest): JsonObject {
  const spec = xr['spec'];
  if (!isObject(spec)) return {};
  return Object.fromEntries(Object.entries(spec).filter(([field]) => !machinery.has(field)));
}

/** The field at a path of indices and names, such as `spec.pools[general].count`. */
function fieldOf(raw: Json, path: readonly PropertyKey[]): string {
  let field = 'spec';
  let here: Json | undefined = raw;
  for (const step of path) {
    if (typeof step === 'number') {
      const item: Json | undefined = Array.isArray(here) ? here[step] : undefined;
      const name: Json | undefined = isObject(item) ? item['name'] : undefined;
      field += `[${typeof name === 'string' && name !== '' ? name : String(step)}]`;
      here = item;
    } else {
      field += `.${String(step)}`;
      here = isObject(here) ? here[String(step)] : undefined;
    }
  }
  return field;
}

function valueAt(raw: Json, path: readonly PropertyKey[]): Json | undefined {
  let here: Json | undefined = raw;
  for (const step of path) {
    if (Array.isArray(here) && typeof step === 'number') here = here[step];
    else if (isObject(here)) here = here[String(step)];
    else return undefined;
  }
  return here;
}

const LONGEST_SHOWN = 48;

/** A value as a message shows it: JSON on one line, cut when long. */
function show(value: Json | undefined): string {
  if (value === undefined) return 'missing';
  const text = JSON.stringify(value);
  return text.length <= LONGEST_SHOWN ? text : `${text.slice(0, LONGEST_SHOWN)}…`;
}

/** The JSON schema of what may stand at a path; undefined where the schema is open. */
function schemaAt(root: JsonObject, path: readonly PropertyKey[]): JsonObject | undefined {
  let here: JsonObject | undefined = root;
  for (const step of path) {
    const properties: Json | undefined = here?.['properties'];
    const next: Json | undefined =
      typeof step === 'number'
        ? here?.['items']
        : ((isObject(properties) ? properties[String(step)] : undefined) ?? here?.['additionalProperties']);
    here = isObject(next) ? next : undefined;
  }
  return here;
}

/** What a schema allows, as the end of a message. */
export function allowed(schema: JsonObject, { typed = true } = {}): string {
  const { enum: choices, type, example, properties } = schema;
  if (Array.isArray(choices)) {
    const sorted = choices
      .map(String)
      .sort((left, right) => left.localeCompare(right, 'en', { numeric: true }));
    return sorted.length === 1 ? `must be ${sorted.join('')}` : `must be one of ${sorted.join(', ')}`;
  }
  if (type === 'integer') {
    const whole = typed ? 'a whole number ' : '';
    return `must be ${whole}between ${show(schema['minimum'])} and ${show(schema['maximum'])}`;
  }
  if (type === 'boolean') return 'must be true or false';
  if (type === 'array') return 'must be a list';
  if (type === 'object') {
    const required = listAt(schema, 'required').map(String).sort();
    if (required.length > 0) return `must be an object with ${required.join(', ')}`;
    return isObject(properties)
      ? `must be an object of ${Object.keys(properties).sort().join(', ')}`
      : 'must be an object';
  }
  if (typeof schema['shape'] === 'string') return `must be ${schema['shape']}`;
  if (typeof example === 'string') return `must look like ${example}`;
  return 'must be a text';
}

/** The name nearest to a mistyped one, if any is near. */
export function nearest(typed: string, names: readonly string[]): string | undefined {
  const distance = (left: string, right: string): number => {
    let row = Array.from({ length: right.length + 1 }, (_, index) => index);
    for (const [i, a] of left.split('').entries()) {
      const next = [i + 1];
      for (const [j, b] of right.split('').entries()) {
        const replaced = (row[j] ?? 0) + (a === b ? 0 : 1);
        next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
      }
      row = next;
    }
    return row[right.length] ?? 0;
  };
  const near = names
    .map((name) => ({ name, far: distance(typed.toLowerCase(), name.toLowerCase()) }))
    .filter(({ name, far }) => far <= Math.max(1, Math.floor(name.length / 3)))
    .sort((left, right) => left.far - right.far || left.name.localeCompare(right.name, 'en'));
  return near[0]?.name;
}

function unknownField(key: string, schema: JsonObject | undefined): string {
  const properties = schema?.['properties'];
  const names = isObject(properties) ? Object.keys(properties).sort() : [];
  const near = nearest(key, names);
  if (near !== undefined) return `is not a field, did you mean "${near}"`;
  return names.length === 0 ? 'is not a field' : `is not a field, must be one of ${names.join(', ')}`;
}

function count(size: number, unit: string): string {
  return `${String(size)} ${size === 1 ? unit.replace(/ies$/, 'y').replace(/s$/, '') : unit}`;
}

/** One message per mistake that zod found. */
function messagesOf(issue: z.core.$ZodIssue, raw: JsonObject, root: JsonObject): readonly Problem[] {
  const field = fieldOf(raw, issue.path);
  const value = valueAt(raw, issue.path);
  const schema = schemaAt(root, issue.path) ?? {};
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ field: `${field}.${key}`, message: unknownField(key, schema) }));
  if (value === undefined) return [{ field, message: `is missing, ${allowed(schema)}` }];
  if (issue.code === 'custom') {
    // `{}` values of free-form fields come without a message of their own.
    const message = issue.message.startsWith('Invalid')
      ? `is ${show(value)}, ${allowed(schema)}`
      : issue.message;
    return [{ field, message }];
  }
  if (issue.code === 'too_big' || issue.code === 'too_small') {
    const bound = String(issue.code === 'too_big' ? issue.maximum : issue.minimum);
    const most = issue.code === 'too_big' ? 'at most' : 'at least';
    if (Array.isArray(value))
      return [{ field, message: `has ${count(value.length, 'entries')}, must have ${most} ${bound}` }];
    if (typeof value === 'string')
      return [{ field, message: `is ${show(value)}, must have ${most} ${bound} characters` }];
    return [{ field, message: `is ${show(value)}, ${allowed(schema, { typed: false })}` }];
  }
  if (issue.code === 'invalid_key') return [{ field, message: 'is not a name that can stand here' }];
  return [{ field, message: `is ${show(value)}, ${allowed(schema)}` }];
}

/** A copy without what stands at a path. */
function without(value: Json | undefined, [step, ...rest]: readonly PropertyKey[]): Json | undefined {
  if (step === undefined) return undefined;
  if (Array.isArray(value)) {
    return value.flatMap((item, index) => {
      if (index !== step) return [item];
      const left = rest.length === 0 ? undefined : without(item, rest);
      return left === undefined ? [] : [left];
    });
  }
  if (!isObject(value)) return value;
  return withField(value, [String(step)], without(value[String(step)], rest));
}

/** Later items of a list first, so that leaving one out does not move the others. */
function lastFirst(left: readonly PropertyKey[], right: readonly PropertyKey[]): number {
  for (let index = 0; index < Math.min(left.length, right.length); index += 1) {
    const [a, b] = [left[index], right[index]];
    if (typeof a === 'number' && typeof b === 'number' && a !== b) return b - a;
  }
  return right.length - left.length;
}

/**
 * What is left of an input when every mistake is taken out: first the wrong value, then what surrounds it,
 * last the least spec's own. So the rules over several fields are checked on all that is right.
 */
function repaired<Given>(contract: Contract<Given>, raw: JsonObject): Given | undefined {
  let left: JsonObject = raw;
  for (let round = 0; round < 8; round += 1) {
    const result = contract.schema.safeParse(left);
    if (result.success) return result.data;
    const paths = new Map<string, readonly PropertyKey[]>();
    for (const issue of result.error.issues) {
      const found =
        issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path];
      for (const path of found) {
        const there = valueAt(left, path) !== undefined;
        const target = there ? path : path.slice(0, -1);
        paths.set(JSON.stringify(target.length === 0 ? path : target), target.length === 0 ? path : target);
      }
    }
    for (const path of [...paths.values()].sort(lastFirst)) {
      const next = without(left, path);
      left = isObject(next) ? next : {};
      const [first] = path;
      const missing = first !== undefined && left[String(first)] === undefined;
      if (missing && contract.least[String(first)] !== undefined)
        left[String(first)] = contract.least[String(first)];
    }
  }
  return undefined;
}

/** Whether one dotted path leads through the other; list indices count for nothing. */
function touches(read: string, broken: readonly PropertyKey[]): boolean {
  const [left, right] = [read.split('.'), broken.filter((step) => typeof step !== 'number').map(String)];
  return left.slice(0, right.length).every((step, index) => step === right[index]);
}

const jsonSchemas = new WeakMap<z.ZodType, JsonObject>();

/** The JSON schema of what may be given, made once. */
export function jsonSchemaOf(schema: z.ZodType): JsonObject {
  const known = jsonSchemas.get(schema);
  if (known !== undefined) return known;
  const made: unknown = z.toJSONSchema(schema, {
    target: 'openapi-3.0',
    io: 'input',
    unrepresentable: 'any',
  });
  const json = isObject(made) ? made : {};
  jsonSchemas.set(schema, json);
  return json;
}

/** Problems without repetitions, in the order of their fields. */
export function distinct(problems: readonly Problem[]): readonly Problem[] {
  const seen = new Map(problems.map((problem) => [`${problem.field} ${problem.message}`, problem]));
  return [...seen.entries()].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, problem]) => problem);
}

/** Everything that is wrong with a spec; the typed spec when nothing is. */
export function read<Given>(contract: Contract<Given>, spec: JsonObject): Reading<Given> {
  // The order of fields differs from call to call; nothing may depend on it.
  const raw = canonicalObject(spec);
  const result = contract.schema.safeParse(raw);
  const issues = result.success ? [] : result.error.issues;
  const root = issues.length === 0 ? {} : jsonSchemaOf(contract.schema);
  const enough: readonly string[] = ['invalid_format', 'invalid_type'];
  const said = new Set(issues.filter(({ code }) => enough.includes(code)).map(({ path }) => JSON.stringify(path)));
  const problems = issues
    // What looks wrong need not be counted too.
    .filter(({ code, path }) => enough.includes(code) || !said.has(JSON.stringify(path)))
    .flatMap((issue) => messagesOf(issue, raw, root));
  const sound = result.success ? result.data : repaired(contract, raw);
  if (sound !== undefined) {
    // An unknown field takes nothing away from the others.
    const broken = issues.filter(({ code }) => code !== 'unrecognized_keys').map(({ path }) => path);
    const blind = (rule: Rule<Given>) =>
      broken.length > 0 &&
      [rule.path, ...readsOf(rule.cel)].some((path) => broken.some((step) => touches(path, step)));
    for (const rule of contract.rules) {
      if (blind(rule)) continue;
      problems.push(...rule.check(sound).map((breach) => problemOf(rule, breach)));
    }
  }
  return problems.length === 0 && result.success
    ? { problems, given: result.data, sound }
    : { problems: distinct(problems), given: undefined, sound };
}
