import { describe, expect, it } from 'vitest';
import { compareVersions, keptFromUpgrade } from '../../functions/bootstrap/versions.ts';

describe('another version of K3s', () => {
  it.each([
    ['v1.36.3+k3s1', 'v1.36.3+k3s1', 'the same, as after a cut'],
    ['v1.36.3+k3s1', 'v1.36.3+k3s2', 'another build'],
    ['v1.36.3+k3s1', 'v1.36.10+k3s1', 'a patch, by its number'],
    ['v1.36.3+k3s2', 'v1.37.0+k3s1', 'the next minor'],
  ])('%s to %s is taken: %s', (from, to) => {
    expect(keptFromUpgrade(from, to)).toBeUndefined();
  });

  it.each([
    ['v1.36.3+k3s1', 'v1.38.0+k3s1', 'must not skip to "v1.38.0+k3s1"'],
    ['v1.36.3+k3s1', 'v1.36.2+k3s1', 'must not go back to "v1.36.2+k3s1"'],
    ['v1.36.3+k3s2', 'v1.36.3+k3s1', 'must not go back'],
    ['v1.37.0+k3s1', 'v1.36.9+k3s1', 'must not go back'],
    ['', 'v1.36.9+k3s1', 'must be versions'],
  ])('%s to %s is refused: %s', (from, to, why) => {
    expect(keptFromUpgrade(from, to)).toContain(why);
  });

  it('compares by number, not by letter', () => {
    expect(['v1.36.10+k3s1', 'v1.9.0+k3s1', 'v1.36.9+k3s2', 'v1.36.9+k3s1'].sort(compareVersions)).toEqual([
      'v1.9.0+k3s1',
      'v1.36.9+k3s1',
      'v1.36.9+k3s2',
      'v1.36.10+k3s1',
    ]);
  });
});
