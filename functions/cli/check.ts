/** What is wrong with objects of our kinds, each mistake at its place in the file. */
import { parseCluster, regionsGiven } from '../apis/cluster.ts';
import { parseDataService, soundService, type DataServiceGiven } from '../apis/data-service.ts';
import { KINDS } from '../apis/kinds.ts';
import { parsePlatform, soundPlatform } from '../apis/platform.ts';
import { parseRegion, soundRegion } from '../apis/region.ts';
import { nearest, specOf } from '../apis/parse.ts';
import { API_VERSION } from '../apis/xrd.ts';
import type { Choices } from '../catalogue/component.ts';
import { isNewer } from '../catalogue/release.ts';
import { checkNames, checkPlatform } from '../catalogue/select.ts';
import { checkService } from '../data-service/index.ts';
import type { Parsed, Problem } from '../kernel/graph.ts';
import { objectAt, type Json, type JsonObject, type Manifest } from '../kernel/manifest.ts';
import { GROUP } from '../kernel/names.ts';
import { RELEASE } from '../release.ts';
import { groupOf } from '../simulator/world.ts';
import type { Source } from './input.ts';

/** A mistake with its place. */
export interface Finding {
  readonly file: string;
  readonly line: number;
  readonly problem: Problem;
}

type Check = (object: Manifest) => readonly Problem[];

/** What parsing finds, and in what can be read, what the catalogue, the installed release and engines say of it. */
function checking<Spec>(
  parse: (object: Manifest) => Parsed<unknown>,
  readable: (raw: JsonObject) => readonly (Spec | undefined)[],
  further: (spec: Spec, problems: readonly Problem[]) => readonly Problem[],
): Check {
  return (object) => {
    const parsed = parse(object);
    const problems = parsed.ok ? [] : parsed.problems;
    const found = readable(specOf(object)).flatMap((spec) =>
      spec === undefined ? [] : further(spec, problems),
    );
    return [...problems, ...found];
  };
}

const CHECKS: Readonly<Record<string, Check>> = {
  XDataService: checking(parseDataService, (raw) => [soundService(raw)], checkSettings),
  XOpenOvaCluster: checking(parseCluster, (raw) => regionsGiven(raw).map(soundRegion), checkChoices),
  XOpenOvaPlatform: checking(parsePlatform, (raw) => [soundPlatform(raw)], checkChoices),
  XOpenOvaRegion: checking(parseRegion, (raw) => [soundRegion(raw)], checkChoices),
};

/** The engine's own checks, where it is known which engine it is. */
function checkSettings(spec: DataServiceGiven, problems: readonly Problem[]): readonly Problem[] {
  return problems.some(({ field }) => field === 'spec.engine') ? [] : checkService(spec);
}

/** The parts of a spec, its own or a region's, that decide whether components fit together. */
const CHOICES = /^spec\.(regions\[[^\]]*\]\.)?(archival|certificates|cloud|dns|loadBalancer|platform)\b/;

function checkChoices(spec: Choices, problems: readonly Problem[]): Problem[] {
  const { release } = spec.platform;
  if (release === undefined || release === 'latest' || !isNewer(release))
    return problems.some(({ field }) => CHOICES.test(field)) ? checkNames(spec) : checkPlatform(spec);
  const message = `is "${release}", which is newer than the installed "${RELEASE}", must be ${RELEASE}, latest or left out`;
  return [{ field: 'spec.platform.release', message }];
}

/** Regions mostly choose alike, and items of one name have one field: what is said of each is said once. */
function once(problems: readonly Problem[]): Problem[] {
  return [...new Map(problems.map((problem) => [`${problem.field} ${problem.message}`, problem])).values()];
}

/** A name of a namespace: RFC 1123 label. Source: kubernetes.io, Object Names and IDs, 2026-11. */
const LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** YAML makes `on`, `no` and `5` something else than text. */
function metadataProblems({ name, namespace }: JsonObject): Problem[] {
  return Object.entries({ name, namespace }).flatMap(([field, value]): Problem[] => {
    const path = `metadata.${field}`;
    if (value === undefined || value === '') return [];
    if (typeof value !== 'string')
      return [{ field: path, message: `is ${JSON.stringify(value)}, must be text: put it in quotes` }];
    if (field === 'namespace' && !LABEL.test(value))
      return [
        { field: path, message: `is "${value}", must be at most 63 lower-case letters, digits and dashes` },
      ];
    return [];
  });
}

/** Kinds that a person may write: claims, and composites where there is no claim. */
export const WRITTEN = KINDS.map(({ kind, claim }) => claim?.kind ?? kind).sort();

export function isOurs({ apiVersion }: Manifest): boolean {
  return groupOf(apiVersion) === GROUP;
}

function givenOf(value: Json | undefined): string {
  return value === undefined || value === null ? 'is missing' : `is ${JSON.stringify(value)}`;
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
  const untyped = metadataProblems(object.metadata);
  if (untyped.length > 0) return untyped;
  const found = CHECKS[known.kind]?.(object) ?? [];
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
      ? [{ field: 'spec', message: `${givenOf(object['spec'])}, must be an object` }]
      : once(found).filter(({ field }) => !(unnamed && field === 'metadata.name'))),
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
