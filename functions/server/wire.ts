/** Bytes to request, response to bytes. */
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { RunFunctionRequest, RunFunctionResponse } from '@crossplane-org/function-sdk-typescript';

/**
 * How many messages may lie within each other. An object in an object is three of them, an object in a list in an
 * object five, so this is room for some 300 objects within each other: more than the schema of any schema needs.
 */
export const MAX_NESTING = 1000;

/**
 * The generated decoder gives up at 100 messages within each other, which are 31 objects: too few for OpenAPI schemas
 * and observed CRDs. It keeps its depth in a field of the reader, where it adds one going in and puts the former value
 * back coming out. This reader shows it depth 0 at every level and counts by itself.
 */
class DeepReader extends BinaryReader {
  #levels = 0;

  get __tsProtoDecodeDepth(): number {
    return 0;
  }

  set __tsProtoDecodeDepth(depth: number) {
    this.#levels += depth > 0 ? 1 : -1;
    if (this.#levels > MAX_NESTING)
      throw new Error(`more than ${MAX_NESTING} messages lie within each other`);
  }
}

/** @throws when the bytes are no RunFunctionRequest or nested too deep, saying why. */
export function decodeRequest(bytes: Uint8Array): RunFunctionRequest {
  return decode(RunFunctionRequest, bytes);
}

/** For clients: what a deep request was answered with may be as deep. */
export function decodeResponse(bytes: Uint8Array): RunFunctionResponse {
  return decode(RunFunctionResponse, bytes);
}

interface Decoder<Message> {
  decode(input: BinaryReader | Uint8Array): Message;
}

/** Few messages are deep, and counting levels costs a fifth of the time: so only what failed is read that way. */
function decode<Message>(type: Decoder<Message>, bytes: Uint8Array): Message {
  try {
    return type.decode(bytes);
  } catch {
    return type.decode(new DeepReader(bytes));
  }
}

/** @throws when the response holds what a Struct cannot, such as a bigint. */
export function encodeResponse(response: RunFunctionResponse): Buffer {
  const bytes = RunFunctionResponse.encode(response).finish();
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
