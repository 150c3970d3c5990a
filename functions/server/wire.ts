/** Bytes to request, response to bytes: Structs as `struct.ts` reads them, all else by the SDK's own types. */
import { BinaryReader, WireType, type BinaryWriter } from '@bufbuild/protobuf/wire';
import {
  Resource,
  type Resources,
  RunFunctionRequest,
  RunFunctionResponse,
  type Schema,
  type State,
} from '@crossplane-org/function-sdk-typescript';
import type { JsonObject } from '../kernel/manifest.ts';
import { endOf, readStruct, writeStruct } from './struct.ts';

class MessageReader extends BinaryReader {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    super(bytes);
    this.#bytes = bytes;
  }

  /** The bytes that were read since then. */
  since(start: number): Uint8Array {
    return this.#bytes.subarray(start, this.pos);
  }
}

/**
 * By field number; each begins where the length of a message stands.
 * Source of the numbers below: crossplane v2.4.0 proto/fn/v1/run_function.proto, read 2026-11-21.
 */
type Fields = Readonly<Record<number, () => void>>;

/** @throws when the bytes are no RunFunctionRequest or nested too deep, saying why. */
export function decodeRequest(bytes: Uint8Array): RunFunctionRequest {
  const reader = new MessageReader(bytes);
  const structs: Partial<Pick<RunFunctionRequest, 'observed' | 'desired' | 'input' | 'context'>> = {};
  const requiredResources: RunFunctionRequest['requiredResources'] = {};
  const requiredSchemas: RunFunctionRequest['requiredSchemas'] = {};
  const others = readMessage(reader, bytes.length, {
    2: () => (structs.observed = readState(reader)),
    3: () => (structs.desired = readState(reader)),
    4: () => (structs.input = readStruct(reader)),
    5: () => (structs.context = readStruct(reader)),
    8: () => {
      readEntry(reader, requiredResources, readResources);
    },
    9: () => {
      readEntry(reader, requiredSchemas, readSchema);
    },
  });
  return {
    ...RunFunctionRequest.decode(others),
    ...structs,
    requiredResources,
    requiredSchemas,
  };
}

/** For clients: what a deep request was answered with may be as deep. */
export function decodeResponse(bytes: Uint8Array): RunFunctionResponse {
  const reader = new MessageReader(bytes);
  const structs: Partial<Pick<RunFunctionResponse, 'desired' | 'context' | 'output'>> = {};
  const others = readMessage(reader, bytes.length, {
    2: () => (structs.desired = readState(reader)),
    4: () => (structs.context = readStruct(reader)),
    7: () => (structs.output = readStruct(reader)),
  });
  return { ...RunFunctionResponse.decode(others), ...structs };
}

function readState(reader: MessageReader): State {
  const state: State = { composite: undefined, resources: {} };
  readMessage(reader, endOf(reader), {
    1: () => (state.composite = readResource(reader)),
    2: () => {
      readEntry(reader, state.resources, readResource);
    },
  });
  return state;
}

function readResource(reader: MessageReader): Resource {
  let resource: JsonObject | undefined;
  const others = readMessage(reader, endOf(reader), { 1: () => (resource = readStruct(reader)) });
  return { ...Resource.decode(others), resource };
}

function readResources(reader: MessageReader): Resources {
  const items: Resource[] = [];
  readMessage(reader, endOf(reader), { 1: () => items.push(readResource(reader)) });
  return { items };
}

function readSchema(reader: MessageReader): Schema {
  const schema: Schema = {};
  readMessage(reader, endOf(reader), { 1: () => (schema.openapiV3 = readStruct(reader)) });
  return schema;
}

/** Adds an entry to a map of messages. */
function readEntry<Value>(
  reader: MessageReader,
  map: Record<string, Value>,
  read: (reader: MessageReader) => Value,
): void {
  let key = '';
  let value: Value | undefined;
  readMessage(reader, endOf(reader), {
    1: () => (key = reader.string()),
    2: () => (value = read(reader)),
  });
  if (value !== undefined) map[key] = value;
}

/** Reads the fields that are named, and gives all others as they are. */
function readMessage(reader: MessageReader, end: number, fields: Fields): Uint8Array {
  const others: Uint8Array[] = [];
  while (reader.pos < end) {
    const start = reader.pos;
    const [field, type] = reader.tag();
    const read = type === WireType.LengthDelimited ? fields[field] : undefined;
    if (read !== undefined) read();
    else {
      reader.skip(type, field);
      others.push(reader.since(start));
    }
  }
  return Buffer.concat(others);
}

/** @throws when the response holds what a Struct cannot, such as a bigint. */
export function encodeResponse(response: RunFunctionResponse): Buffer {
  const writer = RunFunctionResponse.encode({ ...response, desired: undefined });
  if (response.desired !== undefined) writeState(message(writer, 2), response.desired).join();
  const bytes = writer.finish();
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function writeState(writer: BinaryWriter, { composite, resources }: State): BinaryWriter {
  if (composite !== undefined) writeResource(message(writer, 1), composite).join();
  for (const [key, resource] of Object.entries(resources)) {
    const entry = message(message(writer, 2).tag(1, WireType.LengthDelimited).string(key), 2);
    writeResource(entry, resource).join().join();
  }
  return writer;
}

function writeResource(writer: BinaryWriter, given: Resource): BinaryWriter {
  const resource: JsonObject | undefined = given.resource;
  if (resource !== undefined) writeStruct(writer.tag(1, WireType.LengthDelimited), resource);
  return Resource.encode({ ...given, resource: undefined }, writer);
}

/** Begins a message in a field; `join` ends it. */
function message(writer: BinaryWriter, field: number): BinaryWriter {
  return writer.tag(field, WireType.LengthDelimited).fork();
}
