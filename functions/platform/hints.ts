/** What to do about messages of provider-helm and provider-kubernetes. */
import type { Advise } from '../kernel/report.ts';

/**
 * Sources: messages of provider-helm 1.4.0 (pkg/controller/cluster/release, pkg/clients/helm) and provider-kubernetes
 * 1.3.0 (internal/controller), read 2026-11-21.
 */
const HINTS: readonly (readonly [message: RegExp, hint: string])[] = [
  [
    /failed to get value from source/,
    "A Secret that the claim names, or a key of it, is missing in the claim's namespace: make it, provider-helm tries again by itself",
  ],
  [
    /missing value for --set|failed parsing --set data/,
    'A key of a Secret that the claim names is empty, or its value has a comma or a backslash: correct the Secret',
  ],
  [
    /failed to (pull chart|login)|failed to download|no cached repo found/,
    "The chart's registry did not answer: check that this control plane may reach it",
  ],
  [
    /dial tcp|i\/o timeout|no route to host|context deadline exceeded|connection refused/,
    "The region's API did not answer in time: check that access.managementCidrs has the address that this control plane's traffic comes from",
  ],
  [
    /no matches for kind|could not find the requested resource/,
    'The kind is not served in the region yet: the component that brings it is still starting',
  ],
];

/** Advice on a message; undefined where none is known. */
export const advise: Advise = (message) => HINTS.find(([pattern]) => pattern.test(message))?.[1];
