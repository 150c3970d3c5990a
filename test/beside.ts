/** Definitions, charts and programs that are not for this repository to carry. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** The variables that name their folders, and those folders where they lie next to this repository. */
const BESIDE = {
  OPENOVA_CRDS: '../shared/crds',
  OPENOVA_CHARTS: '../shared/charts',
  OPENOVA_TOOLS: '../shared/bin',
} as const;

/** @returns undefined where the variable says nothing and nothing lies there. */
export function folderNamedBy(
  variable: keyof typeof BESIDE,
  root = join(import.meta.dirname, '..'),
): string | undefined {
  const named = process.env[variable] ?? '';
  const beside = join(root, BESIDE[variable]);
  if (named !== '') return named;
  return existsSync(beside) ? beside : undefined;
}
