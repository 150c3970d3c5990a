import type { RegionSpec } from '../apis/region.ts';
import { RELEASE } from '../release.ts';

/** The release that the claim asks for: its own word, or the one that the region was made with. */
export function wantedRelease(
  { platform: { release } }: Pick<RegionSpec, 'platform'>,
  running: string | undefined,
): string {
  if (release === 'latest') return RELEASE;
  return release ?? running ?? RELEASE;
}
