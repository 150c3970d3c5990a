/** All composers behind one entry: Crossplane asks, the kind of the composite decides who answers. */
import {
  Severity,
  type RunFunctionRequest,
  type RunFunctionResponse,
} from '@crossplane-org/function-sdk-typescript';
import { clusterComposer } from './cluster/index.ts';
import { dataServiceComposer } from './data-service/index.ts';
import { compose } from './kernel/compose.ts';
import type { Composer } from './kernel/graph.ts';
import { platformComposer } from './platform/index.ts';
import { regionComposer } from './region/index.ts';

type Answer = (request: RunFunctionRequest) => RunFunctionResponse;

function answering<Spec>(composer: Composer<Spec>): [string, Answer] {
  return [composer.kind, (request) => compose(composer, request)];
}

/** Who answers for each kind of composite. */
export const composers: ReadonlyMap<string, Answer> = new Map([
  answering(clusterComposer),
  answering(regionComposer),
  answering(platformComposer),
  answering(dataServiceComposer),
]);

/** Answers one request. Pure: the same request gives the same bytes. */
export function runFunction(request: RunFunctionRequest): RunFunctionResponse {
  const kind: unknown = request.observed?.composite?.resource?.['kind'];
  const answer = typeof kind === 'string' ? composers.get(kind) : undefined;
  if (answer !== undefined) return answer(request);
  const known = [...composers.keys()].sort().join(', ');
  return {
    meta: { tag: request.meta?.tag ?? '', ttl: { seconds: 60, nanos: 0 } },
    desired: request.desired,
    results: [
      {
        severity: Severity.SEVERITY_FATAL,
        message: `cannot compose kind "${String(kind)}", must be one of ${known}`,
        reason: 'UnknownKind',
      },
    ],
    context: request.context,
    requirements: undefined,
    conditions: [],
    output: undefined,
  };
}
