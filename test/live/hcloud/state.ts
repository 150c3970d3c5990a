/** What the pretended project at Hetzner holds. */
import { isObject, textAt, type JsonObject } from '../../../functions/kernel/manifest.ts';

export type Kind =
  | 'actions'
  | 'firewalls'
  | 'load_balancers'
  | 'networks'
  | 'placement_groups'
  | 'servers'
  | 'rrsets'
  | 'ssh_keys'
  | 'volumes'
  | 'zones';

/** What an answer is when it is none: a code of Hetzner's and its HTTP status. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export interface Call {
  readonly time: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** Name of what it was about, where there is one. */
  readonly about: string;
}

/** Another answer than the right one, to the next calls that it is meant for. */
export interface Fault {
  readonly method: string;
  readonly path: RegExp;
  /** What the name in the body begins with; left out, any call. */
  readonly about?: string;
  /** How many calls are left that get it. */
  times: number;
  readonly error: ApiError;
}

/** How long a create takes, in milliseconds. */
const MOMENT = 300;

export class Project {
  readonly #calls: Call[] = [];
  /** Server types that are sold out: `<type>/<location>`, to be filled and emptied by whoever plays. */
  readonly soldOut = new Set<string>();
  /** To be filled and emptied by whoever plays. */
  readonly faults: Fault[] = [];
  readonly #things = new Map<Kind, Map<number, JsonObject>>();
  #next = 100;
  /** The public address of a new server of that name. */
  readonly addressFor: (name: string, id: number) => string;

  readonly #told: (call: Call) => void;

  /** @param told hears of every call as it comes. */
  constructor(addressFor: Project['addressFor'], told: (call: Call) => void = () => undefined) {
    this.addressFor = addressFor;
    this.#told = told;
  }

  get calls(): readonly Call[] {
    return this.#calls;
  }

  record(call: Omit<Call, 'time'>): void {
    const made = { time: new Date().toISOString(), ...call };
    this.#calls.push(made);
    this.#told(made);
  }

  id(): number {
    this.#next += 1;
    return this.#next;
  }

  all(kind: Kind): JsonObject[] {
    return [...this.#of(kind).values()];
  }

  get(kind: Kind, id: number): JsonObject {
    const found = this.#of(kind).get(id);
    if (found === undefined) throw new ApiError(404, 'not_found', `${kind} with ID '${id}' not found`);
    return found;
  }

  put(kind: Kind, thing: JsonObject): JsonObject {
    const { id } = thing;
    if (typeof id === 'number') this.#of(kind).set(id, thing);
    return thing;
  }

  change(kind: Kind, id: number, fields: JsonObject): JsonObject {
    return this.put(kind, { ...this.get(kind, id), ...fields });
  }

  remove(kind: Kind, id: number): void {
    this.get(kind, id);
    this.#of(kind).delete(id);
  }

  /** As a controller in a region's cluster does it, which has an account here too. */
  drop(kind: Kind, id: number): void {
    const about = textAt(this.get(kind, id), 'name') ?? '';
    this.remove(kind, id);
    this.record({ method: 'DELETE', path: `/${kind}/${id}`, status: 204, about });
  }

  /** Name of the thing that a path such as `/servers/7/actions/poweroff` is about. */
  nameAt(path: string): string {
    const [, kind, own] = /^\/(\w+)\/(\d+)/.exec(path) ?? [];
    for (const [known, things] of this.#things)
      if (known === kind) return textAt(things.get(Number(own)), 'name') ?? '';
    return '';
  }

  /** Names are unique in a project, for each kind. */
  unique(kind: Kind, field: string, value: unknown): void {
    if (this.all(kind).some((thing) => thing[field] === value)) {
      throw new ApiError(409, 'uniqueness_error', `${field} is already used`);
    }
  }

  /** The fault that a call gets; it counts as one. */
  fault(method: string, path: string, about: string): ApiError | undefined {
    const found = this.faults.find(
      (one) =>
        one.times > 0 &&
        one.method === method &&
        one.path.test(path) &&
        (one.about === undefined || about.startsWith(one.about)),
    );
    if (found === undefined) return undefined;
    found.times -= 1;
    return found.error;
  }

  /** An action that is done in a moment. */
  action(command: string, kind: string, id: number, atOnce?: () => void): JsonObject {
    const number = this.id();
    const started = new Date().toISOString();
    const action = {
      id: number,
      command,
      status: 'running',
      progress: 0,
      started,
      finished: null,
      resources: [{ id, type: kind }],
      error: null,
    };
    this.put('actions', action);
    const finish = () => {
      atOnce?.();
      this.put('actions', {
        ...action,
        status: 'success',
        progress: 100,
        finished: new Date().toISOString(),
      });
    };
    setTimeout(finish, MOMENT).unref();
    return action;
  }

  #of(kind: Kind): Map<number, JsonObject> {
    const found = this.#things.get(kind) ?? new Map<number, JsonObject>();
    this.#things.set(kind, found);
    return found;
  }
}

/** Whether a thing's labels satisfy a selector such as `a=b,c`. */
export function selects(selector: string, thing: JsonObject): boolean {
  const labels = isObject(thing['labels']) ? thing['labels'] : {};
  return selector.split(',').every((term) => {
    const [key = '', value] = term.split(/==?/).map((part) => part.trim());
    return value === undefined ? labels[key] !== undefined : labels[key] === value;
  });
}
