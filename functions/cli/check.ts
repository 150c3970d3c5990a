/** What is wrong with objects of our kinds, each mistake at its place in the file. */
import { parseCluster } from '../apis/cluster.ts';
import { parseDataService } from '../apis/data-service.ts';
import { KINDS } from '../apis/kinds.ts';
import { parsePlatform } from '../apis/platform.ts';
import { parseRegion } from '../apis/region.ts';
import { nearest } from '../apis/parse.ts';
import { API_VERSION } from '../apis/xrd.ts';
import type { Problem } from '../kernel/graph.ts';
import { objectAt, type Manifest } from '../kernel/manifest.ts';
import { GROUP } from '../kernel/names.ts';
import { groupOf } from '../simulator/world.ts';
import type { Source } from './input.ts';

/** A mistake with its place. */
export interface Finding {
  readonly file: string;
  readonly line: number;
  readonly problem: Problem;
}

type Parse = (object: Manifest) => { readonly ok: boolean; readonly problems?: readonly Problem[] };

const PARSERS: Readonly<Record<string, Parse>> = {
  XDataService: parseDataService,
  XOpenOvaCluster: parseCluster,
  XOpenOvaPlatform: parsePlatform,
  XOpenOvaRegion: parseRegion,
};

/** Kinds that a person may write: claims, and composites where there is no claim. */
export const WRITTEN = KINDS.map(({ kind, claim }) => claim?.kind ?? kind).sort();

export function isOurs({ apiVersion }: Manifest): boolean {
  return groupOf(apiVersion) === GROUP;
}

/** Every mistake in one object of our group. */
export function problemsOf(object: Manifest): readonly Problem[] {
  const known = KINDS.find(({ kind, claim }) => kind === object.kind || claim?.kind === object.kind);
  if (known === undefined) {
    const near = nearest(object.kind, WRITTEN);
    const hint = near === undefined ? `must be one of ${WRITTEN.join(', ')}` : `did you mean "${near}"`;
    return [{ field: 'kind', message: `is "${object.kind}", ${hint}` }];
  }
  if (object.apiVersion !== API_VERSION)
    return [{ field: 'apiVersion', message: `is "${object.apiVersion}", must be ${API_VERSION}` }];
  const { name, namespace } = object.metadata;
  const unnamed = name === undefined || name === '';
  const misplaced = object.kind === known.kind && namespace !== undefined;
  const result = PARSERS[known.kind]?.(object);
  return [
    ...(unnamed ? [{ field: 'metadata.name', message: 'is missing, must be the name of the object' }] : []),
    ...(misplaced
      ? [
          {
            field: 'metadata.namespace',
            message: `is "${namespace}", must be left out: ${known.kind} has no namespace`,
          },
        ]
      : []),
    ...(objectAt(object, 'spec') === undefined
      ? [{ field: 'spec', message: 'is missing, must be an object' }]
      : (result?.problems ?? []).filter(({ field }) => !(unnamed && field === 'metadata.name'))),
  ];
}

/** Mistakes in all objects of ours, in the order of their places; two objects of one name are one too. */
export function check(sources: readonly Source[]): Finding[] {
  const seen = new Map<string, Source>();
  return sources
    .filter(({ object }) => isOurs(object))
    .flatMap((source): Finding[] => {
      const { kind, metadata } = source.object;
      const identity = [kind, metadata.namespace ?? '', metadata.name ?? ''].join('/');
      const first = seen.get(identity);
      seen.set(identity, first ?? source);
      const twice: Problem[] =
        first === undefined
          ? []
          : [
              {
                field: 'metadata.name',
                message: `is "${metadata.name ?? ''}" twice, the first ${kind} of this name is at ${first.file}:${first.line}`,
              },
            ];
      const found = [...problemsOf(source.object), ...twice].map((problem) => ({
        file: source.file,
        line: source.lineOf(problem.field),
        problem,
      }));
      return found.sort((left, right) => left.line - right.line);
    });
}

/** `claim.yaml:12: spec.pools[general].count is -1, must be between 0 and 100` */
export function lineFor({ file, line, problem: { field, message } }: Finding): string {
  return `${file}:${line}: ${field} ${message}`;
}
