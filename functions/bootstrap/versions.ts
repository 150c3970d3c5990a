/** Versions of K3s, such as `v1.36.3+k3s1`. */

/** Minor, patch and build. */
function numbersOf(version: string): readonly number[] {
  return (/^v1\.(\d+)\.(\d+)\+k3s(\d+)$/.exec(version) ?? []).slice(1).map(Number);
}

export function minorOf(version: string): number | undefined {
  return numbersOf(version)[0];
}

/** Below zero when the first is older. */
export function compareVersions(left: string, right: string): number {
  const other = numbersOf(right);
  return (
    numbersOf(left)
      .map((number, index) => number - (other[index] ?? 0))
      .find((difference) => difference !== 0) ?? 0
  );
}

/** Why a node may not go from one version to another; undefined when it may. Source: Kubernetes' version skew policy, 2026-11. */
export function keptFromUpgrade(from: string, to: string): string | undefined {
  const [was, is] = [minorOf(from), minorOf(to)];
  if (was === undefined || is === undefined)
    return `"${from}" and "${to}" must be versions such as v1.36.3+k3s1`;
  if (compareVersions(from, to) > 0) return `runs "${from}", must not go back to "${to}"`;
  if (is > was + 1) return `runs "${from}", must not skip to "${to}": one minor version at a time`;
  return undefined;
}
