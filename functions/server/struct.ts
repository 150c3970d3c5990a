/**
 * google.protobuf.Struct to JSON and back in one pass. The generated code makes five objects of every value in between, and
 * gives up reading at 31 objects within each other: too few for OpenAPI schemas and observed CRDs.
 * Numbers of fields: google/protobuf/struct.proto (protobuf 33.4, read 2026-11-21).
 */
import type { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import type { Json, JsonObject } from '../kernel/manifest.ts';

/** How many objects and lists may lie within each other: more than the schema of any schema needs. */
export const MAX_NESTING = 350;

/** Field number and wire type, as they stand before a field. */
const FIELDS = 10;
const KEY = 10;
const VALUE = 18;
const NULL = 8;
const NUMBER = 17;
const TEXT = 26;
const BOOL = 32;
const OBJECT = 42;
const LIST = 50;
const ITEM = 10;

/** Every empty object: managedFields have one for each field. */
const EMPTY: JsonObject = Object.freeze({});

/** Where the message ends whose length stands here. */
export function endOf(reader: BinaryReader): number {
  const end = reader.uint32() + reader.pos;
  if (end > reader.len) throw new Error('premature EOF');
  return end;
}

/**
 * Reads a Struct from where its length stands. Its empty objects can not be changed.
 * @throws when the bytes end early or are nested too deep.
 */
export function readStruct(reader: BinaryReader, depth = 0): JsonObject {
  const end = endOf(reader);
  if (reader.pos === end) return EMPTY;
  const object: JsonObject = {};
  while (reader.pos < end) {
    const start = reader.pos;
    const tag = reader.uint32();
    if (tag === FIELDS) readField(reader, object, depth);
    else skip(reader, start);
  }
  return object;
}

function readField(reader: BinaryReader, object: JsonObject, depth: number): void {
  const end = endOf(reader);
  let key = '';
  let value: Json | undefined;
  while (reader.pos < end) {
    const start = reader.pos;
    const tag = reader.uint32();
    if (tag === KEY) key = reader.string();
    else if (tag === VALUE) value = readValue(reader, depth + 1);
    else skip(reader, start);
  }
  // Assigned, this one would become what the object inherits from.
  if (key === '__proto__') return;
  if (value !== undefined) object[key] = value;
}

/** Undefined for a value of no kind. */
function readValue(reader: BinaryReader, depth: number): Json | undefined {
  if (depth > MAX_NESTING) throw new Error(`more than ${MAX_NESTING} objects lie within each other`);
  const end = endOf(reader);
  let value: Json | undefined;
  while (reader.pos < end) {
    const start = reader.pos;
    const tag = reader.uint32();
    if (tag === TEXT) value = reader.string();
    else if (tag === OBJECT) value = readStruct(reader, depth);
    else if (tag === LIST) value = readList(reader, depth);
    else if (tag === NUMBER) value = reader.double();
    else if (tag === BOOL) value = reader.bool();
    else if (tag === NULL) {
      reader.int32();
      value = null;
    } else skip(reader, start);
  }
  return value;
}

/** Passes over the field that starts there, of which nothing is known. */
function skip(reader: BinaryReader, start: number): void {
  reader.pos = start;
  const [field, type] = reader.tag();
  reader.skip(type, field);
}

function readList(reader: BinaryReader, depth: number): Json[] {
  const end = endOf(reader);
  const list: Json[] = [];
  while (reader.pos < end) {
    const start = reader.pos;
    const tag = reader.uint32();
    if (tag === ITEM) list.push(readValue(reader, depth + 1) ?? null);
    else skip(reader, start);
  }
  return list;
}

/**
 * Writes a Struct with its length; fields that are undefined are left out.
 * @throws when it holds what a Struct cannot, such as a bigint.
 */
export function writeStruct(writer: BinaryWriter, object: JsonObject): void {
  writer.fork();
  for (const key of Object.keys(object)) {
    const value = object[key];
    if (value === undefined) continue;
    writer.uint32(FIELDS).fork().uint32(KEY).string(key).uint32(VALUE);
    writeValue(writer, value);
    writer.join();
  }
  writer.join();
}

function writeValue(writer: BinaryWriter, value: Json): void {
  writer.fork();
  if (typeof value === 'string') writer.uint32(TEXT).string(value);
  else if (typeof value === 'number') writer.uint32(NUMBER).double(value);
  else if (typeof value === 'boolean') writer.uint32(BOOL).bool(value);
  else if (value === null) writer.uint32(NULL).int32(0);
  else if (Array.isArray(value)) writeList(writer.uint32(LIST), value);
  else if (typeof value === 'object') writeStruct(writer.uint32(OBJECT), value);
  else throw new Error(`a Struct cannot hold a ${typeof value}`);
  writer.join();
}

function writeList(writer: BinaryWriter, list: readonly Json[]): void {
  writer.fork();
  for (const item of list) writeValue(writer.uint32(ITEM), item);
  writer.join();
}
