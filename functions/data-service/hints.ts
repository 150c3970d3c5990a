/**
 * What to do about messages of a data service's objects.
 *
 * Sources: crossplane-runtime v2.0.0-rc.1 (pkg/resource), provider-kubernetes v1.2.1 (internal/controller/cluster/object)
 * and CloudNativePG v1.30.0 (internal/webhook), read 2026-11-21.
 */
import { advise as ofProviders } from '../platform/hints.ts';
import type { Advise } from '../kernel/report.ts';

const HINTS: readonly (readonly [message: RegExp, hint: string])[] = [
  [
    /existing secret is not controlled by|refusing to modify uncontrolled secret/,
    'Something else has a Secret of this name, which is not overwritten: choose another spec.connectionSecret.name, or remove that Secret',
  ],
  [
    /admission webhook "[^"]*cnpg[^"]*" denied the request/,
    'The operator refuses what the spec asks for: correct the field that it names',
  ],
  [
    /cannot get connection details/,
    'The operator has not written its Secret yet: it does when the first instance runs',
  ],
];

/** Advice on a message; undefined where none is known. */
export const advise: Advise = (message, object) =>
  HINTS.find(([pattern]) => pattern.test(message))?.[1] ?? ofProviders(message, object);
