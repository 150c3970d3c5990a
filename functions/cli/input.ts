/** Files of Kubernetes objects: YAML or JSON, several documents in one file, lists, standard input. */
import { readFile } from 'node:fs/promises';
import { LineCounter, parseAllDocuments, visit, type Document, type YAMLError } from 'yaml';
import { isManifest, isObject, listAt, textAt, type Manifest } from '../kernel/manifest.ts';
import { EXIT, reasonOf, UserError, type Io } from './io.ts';

/** One object and where it was written. */
export interface Source {
  readonly file: string;
  /** First line of the object, counted from 1. */
  readonly line: number;
  readonly object: Manifest;
  /** The line at which a field such as `spec.pools[general].count` stands, or where it is missing. */
  lineOf(field: string): number;
}

/**
 * Reads all objects of some files; `-` is standard input.
 * @throws UserError when one cannot be read, is no YAML, or holds something that is no Kubernetes object.
 */
export async function readSources(files: readonly string[], io: Io): Promise<Source[]> {
  if (files.filter((file) => file === '-').length > 1)
    throw new UserError('cannot read standard input twice: "-" is given more than once');
  const read = await Promise.all(files.map(async (file) => ({ file, text: await textOf(file, io) })));
  const sources = read.flatMap(({ file, text }) => parse(file === '-' ? '<stdin>' : file, text));
  if (sources.length === 0)
    throw new UserError(`no object in ${files.map((file) => `"${file}"`).join(', ')}`);
  return sources;
}

async function textOf(file: string, io: Io): Promise<string> {
  if (file === '-') return io.readStdin();
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new UserError(`cannot read "${file}": ${reasonOf(error)}`);
  }
}

function parse(file: string, text: string): Source[] {
  const lines = new LineCounter();
  // Kubernetes reads YAML 1.1.
  const documents = parseAllDocuments(text, { version: '1.1', lineCounter: lines, prettyErrors: false });
  return (Array.isArray(documents) ? documents : []).flatMap((document) => {
    const [error] = document.errors;
    if (error === undefined) return sourcesOf(file, document, lines);
    const { line, col } = lines.linePos(error.pos[0]);
    throw unreadable(file, line, complaintOf(error, text, col === 1));
  });
}

function unreadable(file: string, line: number, complaint: string): UserError {
  return new UserError(`${file}:${line}: cannot read YAML: ${complaint}`);
}

function sourcesOf(file: string, document: Document.Parsed, lines: LineCounter): Source[] {
  const lineAt = (offset: number) => lines.linePos(offset).line;
  const line = lineAt(document.contents?.range[0] ?? 0);
  checkAliases(file, document, lineAt);
  const value = contentOf(document);
  if (value === undefined) throw unreadable(file, line, 'its aliases stand for too much');
  if (value === null) return [];
  if (isObject(value) && value['kind'] === 'List' && Array.isArray(value['items'])) {
    return listAt(value, 'items').map((item, index) => {
      const object = manifestOf(item, `${file}:${locate(document, ['items', index], lines) ?? line}`);
      const inside = (path: Path) => locate(document, ['items', index, ...path], lines);
      return source(file, inside([]) ?? line, object, inside);
    });
  }
  const object = manifestOf(value, `${file}:${line}`);
  return [source(file, line, object, (path) => locate(document, path, lines))];
}

/** @throws UserError at the first alias that stands for nothing, or for something that it is in itself. */
function checkAliases(file: string, document: Document.Parsed, lineAt: (offset: number) => number): void {
  visit(document, {
    Alias: (_, alias, path) => {
      const meant = alias.resolve(document);
      if (meant !== undefined && !path.includes(meant)) return;
      const wrong = meant === undefined ? 'has no anchor before it' : 'stands for what it is in';
      throw unreadable(file, lineAt(alias.range?.[0] ?? 0), `alias "*${alias.source}" ${wrong}`);
    },
  });
}

/** The value of a document, null for an empty one; undefined where the library takes its aliases for an attack. */
function contentOf(document: Document.Parsed): unknown {
  try {
    const value: unknown = document.toJS();
    return value ?? null;
  } catch (error) {
    if (error instanceof ReferenceError) return undefined;
    throw error;
  }
}

function source(
  file: string,
  line: number,
  object: Manifest,
  find: (path: Path) => number | undefined,
): Source {
  return {
    file,
    line,
    object,
    lineOf: (field) => find(pathOf(field)) ?? line,
  };
}

function manifestOf(value: unknown, where: string): Manifest {
  if (!isManifest(value)) {
    const missing = ['apiVersion', 'kind', 'metadata'].filter((field) => !(isObject(value) && value[field]));
    throw new UserError(
      `${where}: cannot read a Kubernetes object: ${missing.join(', ')} missing`,
      EXIT.usage,
    );
  }
  return value;
}

/** What is wrong, in a line. A field of the object itself that comes again most often begins another object. */
function complaintOf({ code, message, pos }: YAMLError, text: string, outermost: boolean): string {
  if (code !== 'DUPLICATE_KEY') return message.split('\n', 1)[0]?.replace(/:$/, '') ?? '';
  const [, key = ''] = /^["']?([^\s:"']+)/.exec(text.slice(pos[0])) ?? [];
  const twice = `"${key}" is there twice`;
  return outermost ? `${twice}, a line "---" must stand between two objects` : twice;
}

/** Names of fields, names of list items in brackets, or indices. */
type Path = readonly (string | number | { readonly item: string })[];

/** `spec.pools[general].count` as a path. */
export function pathOf(field: string): Path {
  return [...field.matchAll(/\[([^\]]*)\]|[^.[\]]+/g)].map(([text, item]) =>
    item === undefined ? text : { item },
  );
}

/** The line of the last part of a path that is there; undefined when not even the first is. */
function locate(document: Document.Parsed, path: Path, lines: LineCounter): number | undefined {
  let here: unknown = document.contents;
  let offset = document.contents?.range[0];
  for (let index = 0; index < path.length; index += 1) {
    const step = path[index];
    const next = step === undefined ? undefined : child(here, step, path.slice(index + 1));
    if (next === undefined) break;
    here = next.value;
    offset = next.offset ?? offset;
    index += next.more;
  }
  return offset === undefined ? undefined : lines.linePos(offset).line;
}

interface Child {
  readonly value: unknown;
  readonly offset: number | undefined;
  /** How many further steps belonged to the same name: names of labels have dots. */
  readonly more: number;
}

function child(node: unknown, step: Path[number], rest: Path): Child | undefined {
  const items = itemsOf(node);
  if (items === undefined) return undefined;
  if (typeof step === 'string') {
    for (let more = 0; more <= rest.length; more += 1) {
      const parts = [step, ...rest.slice(0, more)];
      if (!parts.every((part) => typeof part === 'string')) break;
      const pair = items.find((item) => keyOf(item) === parts.join('.'));
      if (pair !== undefined) return { value: valueOf(pair), offset: offsetOf(fieldOf(pair, 'key')), more };
    }
    return undefined;
  }
  const index = typeof step === 'number' ? step : indexOf(items, step.item);
  const item = items[index];
  return item === undefined ? undefined : { value: item, offset: offsetOf(item), more: 0 };
}

/** The item of that name, else the item at that index. */
function indexOf(items: readonly unknown[], name: string): number {
  const named = items.findIndex((item) => {
    const pair = itemsOf(item)?.find((one) => keyOf(one) === 'name');
    return pair !== undefined && fieldOf(valueOf(pair), 'value') === name;
  });
  return named >= 0 ? named : Number(name);
}

function fieldOf(value: unknown, field: 'items' | 'key' | 'range' | 'value'): unknown {
  return typeof value === 'object' && value !== null && field in value
    ? Object.entries(value).find(([name]) => name === field)?.[1]
    : undefined;
}

function itemsOf(node: unknown): readonly unknown[] | undefined {
  const items = fieldOf(node, 'items');
  return Array.isArray(items) ? items : undefined;
}

function keyOf(pair: unknown): string | undefined {
  const key = fieldOf(fieldOf(pair, 'key'), 'value');
  return typeof key === 'string' ? key : undefined;
}

function valueOf(pair: unknown): unknown {
  return fieldOf(pair, 'value');
}

function offsetOf(node: unknown): number | undefined {
  const range = fieldOf(node, 'range');
  const first: unknown = Array.isArray(range) ? range[0] : undefined;
  return typeof first === 'number' ? first : undefined;
}

/** `OpenOvaCluster acme` for messages. */
export function nameOf({ kind, metadata }: Manifest): string {
  return `${kind} ${textAt(metadata, 'name') ?? ''}`;
}
