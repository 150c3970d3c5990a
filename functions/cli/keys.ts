/** Keys of composed objects as people read them. docs/names.md lists the keys. */
import { few } from '../kernel/report.ts';

/** What tells two objects of one purpose apart and says nothing to a person: ids of a cloud, digits of a hash. */
const MADE_UP = /\/(?:\d{5,}|[0-9a-f]{8})(?=[-/]|$)/g;

/** `agent/general-1-g1/76501086/result` as `agent/general-1-g1/result`. */
export function purposeOf(key: string): string {
  return key.replace(MADE_UP, '');
}

/** Some keys in a line: those of one purpose once, and the folder that all of them share before the rest of each. */
export function listed(keys: readonly string[], most: number): string {
  const counts = new Map<string, number>();
  for (const purpose of keys.map(purposeOf)) counts.set(purpose, (counts.get(purpose) ?? 0) + 1);
  const folder = sharedFolder([...counts.keys()]);
  const names = [...counts].map(([purpose, count]) => {
    const name = purpose.slice(folder.length);
    return count === 1 ? name : `${name} ×${count}`;
  });
  return folder === '' ? few(names, most) : `${folder}{${few(names, most)}}`;
}

/** `machine/` of `machine/a` and `machine/b`; nothing of a single name. */
function sharedFolder([first = '', ...others]: readonly string[]): string {
  if (others.length === 0) return '';
  const folders = [...first.matchAll(/\//g)].map(({ index }) => first.slice(0, index + 1));
  return folders.findLast((folder) => others.every((other) => other.startsWith(folder))) ?? '';
}
