/** What may be logged of an error: where and of what kind, never the values that it happened on. */
import type { Resource, RunFunctionRequest } from '@crossplane-org/function-sdk-typescript';
import { objectAt, type Json } from '../kernel/manifest.ts';
import { manifestOf } from './messages.ts';

export interface Failure {
  readonly name: string;
  /** The first line, with everything between quotes and every known secret value left out. */
  readonly message: string;
  /** `at …` lines: functions, files and line numbers. */
  readonly stack: readonly string[];
}

const MESSAGE_LENGTH = 300;
/** Shorter values would blot out ordinary words. */
const SHORTEST_SECRET = 4;

/**
 * An error as the log may hold it. Parsers quote what they could not read, so quoted text goes;
 * what `secretsIn` found in the request goes wherever it stands.
 */
export function failureOf(error: unknown, secrets: readonly string[] = []): Failure {
  if (!(error instanceof Error)) return { name: typeof error, message: '', stack: [] };
  const trace = error.stack ?? '';
  const from = trace.indexOf(error.message) + error.message.length;
  return {
    name: error.name,
    message: withoutValues(error.message, secrets),
    stack: trace
      .slice(from)
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line.startsWith('at ')),
  };
}

function withoutValues(message: string, secrets: readonly string[]): string {
  let text = message.split('\n', 1)[0] ?? '';
  for (const secret of secrets) text = text.replaceAll(secret, '…');
  return text.replace(/(["'`]).*\1/g, '$1…$1').slice(0, MESSAGE_LENGTH);
}

/** Every value of the request that is secret by its place: credentials, connection details and the data of Secrets. */
export function secretsIn(request: RunFunctionRequest): string[] {
  const states = [request.observed, request.desired];
  const resources = [
    ...states.flatMap((state) => [state?.composite, ...Object.values(state?.resources ?? {})]),
    ...Object.values(request.requiredResources).flatMap(({ items }) => items),
  ].filter((resource) => resource !== undefined);
  const credentials = Object.values(request.credentials).flatMap(({ credentialData }) =>
    Object.values(credentialData?.data ?? {}),
  );
  const found = [...credentials.map((value) => value.toString()), ...resources.flatMap(secretsOf)];
  return [...new Set(found.flatMap((value) => [value, ...value.split('\n')]))]
    .filter((value) => value.length >= SHORTEST_SECRET)
    .sort((left, right) => right.length - left.length);
}

function secretsOf(resource: Resource): string[] {
  const details = Object.values(resource.connectionDetails).map((value) => value.toString());
  const manifest = manifestOf(resource);
  if (manifest?.kind !== 'Secret') return details;
  const encoded = Object.values(objectAt(manifest, 'data') ?? {}).filter(isText);
  const plain = Object.values(objectAt(manifest, 'stringData') ?? {}).filter(isText);
  return [
    ...details,
    ...encoded,
    ...encoded.map((value) => Buffer.from(value, 'base64').toString()),
    ...plain,
  ];
}

function isText(value: Json | undefined): value is string {
  return typeof value === 'string';
}
