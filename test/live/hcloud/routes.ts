/** How requests are told apart, and what a handler gets. */
import { ApiError, type Project } from './state.ts';
import { isObject, type Json, type JsonObject } from '../../../functions/kernel/manifest.ts';

export interface Asked {
  readonly project: Project;
  /** The parts of the path that the route does not name, in order. */
  readonly parts: readonly string[];
  readonly query: URLSearchParams;
  readonly body: JsonObject;
}

/**
 * `POST /networks/:id`: what is answered, or undefined for nothing. An `:id` is a number, any other part with a colon a
 * text.
 */
export type Routes = Readonly<Record<string, (asked: Asked) => JsonObject | undefined>>;

type Handler = Routes[string];

/** Finds the handler of a request, and the parts of its path. */
export function router(
  routes: Routes,
): (method: string, path: string) => { handler: Handler; parts: string[] } {
  const patterns = Object.entries(routes).map(([route, handler]) => {
    const pattern = route.replaceAll(/:\w+/g, (name) => (name === ':id' ? '(\\d+)' : '([^/]+)'));
    return { pattern: new RegExp(`^${pattern}$`), handler };
  });
  return (method, path) => {
    for (const { pattern, handler } of patterns) {
      const match = pattern.exec(`${method} ${path}`);
      if (match !== null) return { handler, parts: match.slice(1).map(decodeURIComponent) };
    }
    throw new ApiError(404, 'not_found', `not pretended: ${method} ${path}`);
  };
}

export function id({ parts }: Asked): number {
  return Number(parts[0]);
}

/** Those that a list was asked for. */
export function filtered(things: readonly JsonObject[], query: URLSearchParams): JsonObject[] {
  return ['name', 'fingerprint', 'architecture', 'id', 'type'].reduce<JsonObject[]>(
    (left, field) => {
      const wanted = query.getAll(field);
      return wanted.length === 0 ? left : left.filter((thing) => wanted.includes(written(thing[field])));
    },
    [...things],
  );
}

/** A page that holds everything. */
export function page(name: string, things: readonly JsonObject[]): JsonObject {
  const pagination = {
    page: 1,
    per_page: 50,
    previous_page: null,
    next_page: null,
    last_page: 1,
    total_entries: things.length,
  };
  return { [name]: [...things], meta: { pagination } };
}

/** A number or a text as a query or a message has it. */
export function written(value: Json | undefined): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null);
}

export function text(body: JsonObject, field: string): string {
  const value = body[field];
  if (typeof value === 'string') return value;
  throw new ApiError(422, 'invalid_input', `invalid input in field '${field}'`);
}

export function number(value: Json | undefined): number {
  const found = typeof value === 'string' ? Number(value) : value;
  if (typeof found === 'number' && Number.isInteger(found)) return found;
  throw new ApiError(422, 'invalid_input', `not an id: ${JSON.stringify(value)}`);
}

export function labelsOf(body: JsonObject): JsonObject {
  return isObject(body['labels']) ? body['labels'] : {};
}

export const created = { created: '2026-11-21T00:00:00+00:00', protection: { delete: false } } as const;

/** What may be changed by a PUT: names and labels, and whatever else is given. */
export function renamed(body: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
}
