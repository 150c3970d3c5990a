import { expect, it } from 'vitest';
import { advise } from '../../functions/region/hints.ts';

it.each([
  ['create failed: apply failed: error during placement (resource_unavailable): ', /sold out/],
  ['apply failed: placement error (placement_error): ', /placement group/],
  ['apply failed: server limit reached (resource_limit_exceeded): ', /ask Hetzner to raise it/],
  ['apply failed: SSH key not unique (uniqueness_error): ', /of this name or key already/],
  ['apply failed: rate limit exceeded (rate_limit_exceeded): ', /goes on by itself/],
  ['cannot run refresh: the token is wrong (unauthorized): ', /check its Secret/],
  [
    'apply failed: Instance cannot be destroyed: resource has lifecycle.prevent_destroy set',
    /only a new machine/,
  ],
  ['ssh: connect to 203.0.113.104:22: ETIMEDOUT', /managementCidrs/],
  ['connect ETIMEDOUT 203.0.113.104:22', /managementCidrs/],
  ['Timed out while waiting for handshake', /managementCidrs/],
  ['BackoffLimitExceeded', /platform\.openova\.io\/retry/],
  ['cannot get credentials: cannot get credentials secret: Secret "hetzner" not found', /docs\/install\.md/],
])('"%s" says what to do', (message, advice) => {
  expect(advise(message)).toMatch(advice);
});

it.each([
  'Server 14290401 is not ready yet',
  'Get "https://api.hetzner.cloud/v1/servers": net/http: TLS handshake timeout',
  'dial tcp 198.51.100.1:443: connect: connection timed out',
  'all is well',
])('"%s" has no advice: nothing here is known to help', (message) => {
  expect(advise(message)).toBeUndefined();
});
