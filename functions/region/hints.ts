/** What to do about what a provider or a Job says. Source of the codes: docs.hetzner.cloud, errors, 2026-11. */

interface Hint {
  readonly when: RegExp;
  readonly advice: string;
}

/** What lets a Job that has given up begin again. */
export const RETRY_HINT = 'Annotate the claim with platform.openova.io/retry=<any new value> to try again';

const HINTS: readonly Hint[] = [
  {
    when: /resource_limit_exceeded|server_limit|limit_reached/,
    advice:
      'The project is at its limit: ask Hetzner to raise it (Console, Limits), or ask for fewer machines',
  },
  {
    when: /resource_unavailable|server_type.*unavailable/,
    advice:
      'The machine type is sold out in this location: add another to serverTypes, or wait, the provider tries again',
  },
  {
    when: /placement_error/,
    advice:
      'Hetzner has no further host for the placement group now: wait, the provider tries again, or choose another serverType',
  },
  {
    when: /uniqueness_error|already (used|exists)|not unique/,
    advice:
      'The project has an object of this name or key already: remove it, or use a project of its own for this cluster',
  },
  {
    when: /rate_limit_exceeded|\b429\b/,
    advice:
      'The project has used up its calls for this hour: it goes on by itself; fewer tools on one token help',
  },
  {
    when: /unauthorized|invalid_token|\b401\b/,
    advice: 'The API token of the ProviderConfig is refused: check its Secret, and that the token may write',
  },
  {
    when: /prevent_destroy|cannot be destroyed/,
    advice:
      'The spec asks for a change that only a new machine can have: take it back, or remove this machine from its pool',
  },
  {
    // As OpenSSH, Node and the ssh2 library say it.
    when: /(ssh|:22\b).*(timeout|timed out|ETIMEDOUT)|(timed out|ETIMEDOUT).*(:22\b|waiting for handshake)/i,
    advice: "SSH does not answer: is this control plane's egress in access.managementCidrs?",
  },
  {
    when: /backoff limit|DeadlineExceeded|FailJob|BackoffLimitExceeded/i,
    advice: `Read the log of the Job. ${RETRY_HINT}`,
  },
  {
    when: /cannot get credentials|no credentials|Secret ".*" not found|ProviderConfig.*not found/i,
    advice: 'The ProviderConfig or its Secret is missing: docs/install.md shows both',
  },
];

/** Advice on a message; undefined where there is none better than the message itself. */
export function advise(message: string): string | undefined {
  return HINTS.find(({ when }) => when.test(message))?.advice;
}
