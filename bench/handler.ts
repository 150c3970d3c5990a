/**
 * What is measured. FILL IN: `runFunction` of the dispatcher; until then a handler that desires every observed object
 * again without status and what the API server added.
 */
import type { Handler } from '../functions/server/messages.ts';
import { passThrough, resourceOf, resourcesOf } from '../functions/server/messages.ts';

export const handler: Handler = (request) => {
  const answer = passThrough(request, 60);
  const resources = [...resourcesOf(request.observed)].map(([key, manifest]) => {
    const { apiVersion, kind, metadata, spec } = manifest;
    const { name, labels, annotations } = metadata;
    return [
      key,
      resourceOf({ apiVersion, kind, metadata: { name, labels, annotations }, spec }, true),
    ] as const;
  });
  return { ...answer, desired: { composite: undefined, resources: Object.fromEntries(resources) } };
};
