/** Which release of the platform a region runs, and which one was asked for. */
import { RELEASE } from '../release.ts';
import type { Choices } from './component.ts';

/** The release that the claim asks for: its own word, or the one that the region was made with. */
export function wantedRelease(
  { platform: { release } }: Pick<Choices, 'platform'>,
  running: string | undefined,
): string {
  if (release === 'latest') return RELEASE;
  return release ?? running ?? RELEASE;
}

/** Whether a release is newer than the installed one, so that no region can run it: `0.10` is newer than `0.9`. */
export function isNewer(release: string): boolean {
  const [asked, installed] = [release, RELEASE].map((one) => one.split('.').map(Number));
  for (let index = 0; index < 3; index += 1) {
    const difference = (asked?.[index] ?? 0) - (installed?.[index] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return false;
}

/**
 * Whether a region runs another release than the installed one and the claim leaves it there. Then nothing of the
 * platform changes, and what the installed release lacks is no mistake in the claim.
 */
export function isOlder(spec: Pick<Choices, 'platform'>, running: string | undefined): boolean {
  return running !== undefined && running !== RELEASE && wantedRelease(spec, running) !== RELEASE;
}
