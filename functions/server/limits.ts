/** How large messages may be, and what to say of one that is too large. */
import { Resource, type RunFunctionResponse } from '@crossplane-org/function-sdk-typescript';

const MEBIBYTE = 1024 * 1024;

/** Requests hold every observed object with its managed fields: grpc-js's default of 4 MiB is too little. */
export const MAX_REQUEST_BYTES = 64 * MEBIBYTE;

/**
 * What Crossplane can receive: grpc-go's default, which it leaves as it is (crossplane v2.4.0
 * internal/xfn/function_runner.go, read 2026-11-21). It fails on more with an error that names no resource.
 */
export const CROSSPLANE_RECEIVE_BYTES = 4 * MEBIBYTE;

/** Just below, so that our own error comes first. */
export const MAX_RESPONSE_BYTES = CROSSPLANE_RECEIVE_BYTES - 16 * 1024;

const NAMED = 5;

/** What is wrong with a response of that many bytes, which resources make it so, and what to do about it. */
export function tooLarge(response: RunFunctionResponse, bytes: number): string {
  const largest = Object.entries(response.desired?.resources ?? {})
    .map(([key, resource]) => ({ key, bytes: Resource.encode(resource).finish().length }))
    .sort((left, right) => right.bytes - left.bytes || (left.key < right.key ? -1 : 1))
    .slice(0, NAMED)
    .map((one) => `"${one.key}" with ${one.bytes} bytes`);
  return (
    `the response of ${bytes} bytes is over the limit of ${MAX_RESPONSE_BYTES} bytes that Crossplane can receive; ` +
    `largest resources: ${largest.join(', ')}; ` +
    `make the largest ones smaller, or move components, pools or services to a second claim`
  );
}
