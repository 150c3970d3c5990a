/** What `crossplane composition render` wants to be told beside the objects themselves. */
import type { JsonObject, Manifest } from '../kernel/manifest.ts';

export interface ServedKind {
  readonly apiVersion: string;
  readonly kind: string;
}

/** A Function object that says: it is running already, without TLS, at `target`, such as `127.0.0.1:9443`. */
export function developmentFunction(name: string, target: string): Manifest {
  const annotations = {
    'render.crossplane.io/runtime': 'Development',
    'render.crossplane.io/runtime-development-target': target,
  };
  return { apiVersion: 'pkg.crossplane.io/v1', kind: 'Function', metadata: { name, annotations } };
}

/**
 * OpenAPI v3 documents by file name, for `--required-schemas`: with them core finds each of these kinds served, and no
 * other.
 *
 * What core 2.4.0 wants of them (internal/render/schemas.go, internal/xfn/required_schemas.go):
 * - the extension `.json`, anywhere below the folder; a folder without a single one is an error, hence `none.json`;
 * - one document per group and version: of two for the same one, core reads only the first;
 * - in `components.schemas`, under any name, a schema whose `x-kubernetes-group-version-kind` lists exactly one kind.
 *
 * The function is answered that schema with its references resolved. It is never empty, because the list of kinds is
 * part of it; a kind that is in no document is answered by a Schema without `openapi_v3`, and by no error.
 */
export function schemaDocuments(kinds: readonly ServedKind[]): ReadonlyMap<string, JsonObject> {
  const versions = [...new Set(kinds.map(({ apiVersion }) => apiVersion))].sort();
  if (versions.length === 0) return new Map([['none.json', openApi('none', {})]]);
  return new Map(
    versions.map((apiVersion) => {
      const [version = '', group = ''] = apiVersion.split('/').reverse();
      const names = new Set(kinds.filter((one) => one.apiVersion === apiVersion).map(({ kind }) => kind));
      const schemas = [...names].sort().map((kind) => {
        const schema = { type: 'object', 'x-kubernetes-group-version-kind': [{ group, version, kind }] };
        return [`${group || 'core'}.${version}.${kind}`, schema] as const;
      });
      return [
        `${group || 'core'}_${version}.json`,
        openApi(apiVersion, Object.fromEntries(schemas)),
      ] as const;
    }),
  );
}

function openApi(title: string, schemas: JsonObject): JsonObject {
  return { openapi: '3.0.0', info: { title, version: 'unversioned' }, paths: {}, components: { schemas } };
}
