/** What the server itself reads of requests and answers; everything else is the kernel's. */
import {
  Severity,
  type Resource,
  type RunFunctionRequest,
  type RunFunctionResponse,
} from '@crossplane-org/function-sdk-typescript';
import { isManifest, type Manifest } from '../kernel/manifest.ts';

/** What answers a RunFunction call: pure, and synchronous because it waits for nothing. */
export type Handler = (request: RunFunctionRequest) => RunFunctionResponse;

/** The object in a resource of a request; undefined when there is none or it is no Kubernetes object. */
export function manifestOf(resource: Resource | undefined): Manifest | undefined {
  const object: unknown = resource?.resource;
  return isManifest(object) ? object : undefined;
}

/** The composite that the call is about, as it was observed. */
export function compositeOf(request: RunFunctionRequest): Manifest | undefined {
  return manifestOf(request.observed?.composite);
}

/** Nothing of a FATAL answer is applied; asked again no later than this, should the answer be cached. */
const FATAL_TTL_SECONDS = 60;

/** An answer on which Crossplane stops the pipeline and leaves everything as it is. */
export function fatal(request: RunFunctionRequest, message: string): RunFunctionResponse {
  return {
    meta: { tag: request.meta?.tag ?? '', ttl: { seconds: FATAL_TTL_SECONDS, nanos: 0 } },
    desired: undefined,
    context: undefined,
    results: [{ severity: Severity.SEVERITY_FATAL, message }],
    conditions: [],
    requirements: undefined,
  };
}
