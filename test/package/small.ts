/** Claims as small as they can be with every kind in them, so that simulating all of them takes seconds. */
import { DEFINITIONS, worldOf } from '../../functions/cli/scene.ts';
import { runFunction } from '../../functions/functions.ts';
import { objectAt, type JsonObject, type Manifest } from '../../functions/kernel/manifest.ts';
import { inProcess } from '../../functions/simulator/call.ts';
import type { IsServed } from '../../functions/simulator/request.ts';
import { simulate, type Simulation } from '../../functions/simulator/simulate.ts';
import type { World } from '../../functions/simulator/world.ts';
import { objectsIn } from './files.ts';

export type Claims = readonly Manifest[];

/** One machine at Hetzner: what every region there has. */
export const MINIMAL: Claims = objectsIn('examples/minimal.yaml');

/**
 * The records of an example, on one machine that is there already, to which the zone is delegated. The machine's own
 * address is the Gateway's, so that nothing else is needed; such machines have no IPv6.
 */
export function recordsOf(example: string): Claims {
  const machine = {
    name: 'one',
    role: 'server',
    address: '203.0.113.11',
    hostKey: `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${'AQEB'.repeat(11)}`,
  };
  return withSpec(objectsIn(`examples/${example}`), ({ domain, dns }) => ({
    domain,
    dns,
    cloud: { provider: 'existing' },
    regions: [{ name: 'home', machines: [machine] }],
    loadBalancer: { type: 'k8gb' },
    platform: { profile: 'minimal' },
  }));
}

/** The same on one machine of Hetzner's, which has IPv6. */
export function recordsAtHetzner(example: string): Claims {
  const [given] = objectsIn(`examples/${example}`);
  const { domain, dns } = objectAt(given, 'spec') ?? {};
  return withSpec(MINIMAL, (spec) => ({ ...spec, domain, dns, loadBalancer: { type: 'k8gb' } }));
}

function withSpec([claim]: Claims, change: (spec: JsonObject) => JsonObject): Claims {
  return claim === undefined ? [] : [{ ...claim, spec: change(objectAt(claim, 'spec') ?? {}) }];
}

export interface Circumstances {
  /** Every kind unless given. */
  readonly isServed?: IsServed;
  /** An empty control plane unless given; the claims are in it. */
  readonly from?: World;
}

export function simulated(given: Claims, { isServed, from }: Circumstances = {}): Promise<Simulation> {
  const setup = { definitions: DEFINITIONS, call: inProcess(runFunction), isServed };
  return simulate(setup, from ?? worldOf([], given));
}

/** Everything that Crossplane applies at any time, also what goes again. */
export function appliedIn({ waves }: Simulation): Manifest[] {
  return waves.flatMap(({ objects }) => objects.map(({ manifest }) => manifest));
}
