/** One call, from bytes to bytes: whatever happens in between ends in an answer that says what happened. */
import {
  Severity,
  type RunFunctionRequest,
  type RunFunctionResponse,
} from '@crossplane-org/function-sdk-typescript';
import { textAt } from '../kernel/manifest.ts';
import { CLAIM_NAMESPACE_LABEL, CLAIM_NAME_LABEL } from '../kernel/names.ts';
import { failureOf, secretsIn, type Failure } from './failure.ts';
import { MAX_RESPONSE_BYTES, tooLarge } from './limits.ts';
import { compositeOf, fatal, type Handler } from './messages.ts';
import { decodeRequest, encodeResponse } from './wire.ts';

/** `fatal` is the handler's own answer, `failed` its exception, `oversize` a response that Crossplane could not take. */
export type Outcome = 'normal' | 'warning' | 'fatal' | 'failed' | 'oversize' | 'undecodable';

/** What may be known of a call: names and numbers. */
export interface CallRecord {
  readonly outcome: Outcome;
  /** Enough of the request's tag to find it again. */
  readonly requestId: string;
  readonly xr: { readonly kind: string; readonly name: string };
  readonly claim: { readonly namespace: string; readonly name: string } | undefined;
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** Composed resources in the request and in the response. */
  readonly observed: number;
  readonly desired: number;
  readonly results: { readonly fatal: number; readonly warning: number; readonly normal: number };
  readonly failure: Failure | undefined;
}

export interface Exchange {
  /** Undefined when there is no request to answer; the caller then gets `problem` as a gRPC status. */
  readonly bytes: Buffer | undefined;
  readonly problem: string | undefined;
  readonly response: RunFunctionResponse | undefined;
  readonly record: CallRecord;
}

/** Decodes, handles and encodes. Never throws. */
export function respond(bytes: Uint8Array, handle: Handler): Exchange {
  let request: RunFunctionRequest;
  try {
    request = decodeRequest(bytes);
  } catch (error) {
    return undecodable(bytes.length, error);
  }
  try {
    const response = handle(request);
    const encoded = encodeResponse(response);
    if (encoded.length <= MAX_RESPONSE_BYTES) {
      return answered(request, bytes.length, response, encoded, outcomeOf(response));
    }
    return stopped(request, bytes.length, tooLarge(response, encoded.length), 'oversize');
  } catch (error) {
    const message = `the function failed on this request; its log says where, under request id "${idOf(request)}"`;
    return stopped(request, bytes.length, message, 'failed', failureOf(error, secretsIn(request)));
  }
}

function stopped(
  request: RunFunctionRequest,
  requestBytes: number,
  message: string,
  outcome: Outcome,
  failure?: Failure,
): Exchange {
  const response = fatal(request, message);
  return answered(request, requestBytes, response, encodeResponse(response), outcome, failure);
}

function answered(
  request: RunFunctionRequest,
  requestBytes: number,
  response: RunFunctionResponse,
  encoded: Buffer,
  outcome: Outcome,
  failure?: Failure,
): Exchange {
  const composite = compositeOf(request);
  const namespace = textAt(composite, 'metadata', 'labels', CLAIM_NAMESPACE_LABEL);
  const claim = textAt(composite, 'metadata', 'labels', CLAIM_NAME_LABEL);
  const record = {
    outcome,
    requestId: idOf(request),
    xr: { kind: composite?.kind ?? '', name: textAt(composite, 'metadata', 'name') ?? '' },
    claim: namespace !== undefined && claim !== undefined ? { namespace, name: claim } : undefined,
    requestBytes,
    responseBytes: encoded.length,
    observed: Object.keys(request.observed?.resources ?? {}).length,
    desired: Object.keys(response.desired?.resources ?? {}).length,
    results: {
      fatal: count(response, Severity.SEVERITY_FATAL),
      warning: count(response, Severity.SEVERITY_WARNING),
      normal: count(response, Severity.SEVERITY_NORMAL),
    },
    failure,
  };
  return { bytes: encoded, problem: undefined, response, record };
}

function undecodable(requestBytes: number, error: unknown): Exchange {
  const failure = failureOf(error);
  const problem = `cannot decode the request of ${requestBytes} bytes: ${failure.message}`;
  const record = {
    outcome: 'undecodable' as const,
    requestId: '',
    xr: { kind: '', name: '' },
    claim: undefined,
    requestBytes,
    responseBytes: 0,
    observed: 0,
    desired: 0,
    results: { fatal: 0, warning: 0, normal: 0 },
    failure,
  };
  return { bytes: undefined, problem, response: undefined, record };
}

function idOf(request: RunFunctionRequest): string {
  return request.meta?.tag.slice(0, 12) ?? '';
}

function count(response: RunFunctionResponse, severity: Severity): number {
  return response.results.filter((result) => result.severity === severity).length;
}

function outcomeOf(response: RunFunctionResponse): Outcome {
  if (count(response, Severity.SEVERITY_FATAL) > 0) return 'fatal';
  return count(response, Severity.SEVERITY_WARNING) > 0 ? 'warning' : 'normal';
}
