/** Definitions, charts and programs that are not for this repository to carry. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** The variables that name their folders, and those folders where they lie next to this repository. */
const FOLDERS = {
  OPENOVA_CRDS: '../shared/crds',
  OPENOVA_CHARTS: '../shared/charts',
  OPENOVA_TOOLS: '../shared/bin',
} as const;

/** @returns undefined where the variable is not set and nothing lies there. */
export function folderOf(variable: keyof typeof FOLDERS): string | undefined {
  const beside = join(import.meta.dirname, '..', FOLDERS[variable]);
  return process.env[variable] ?? (existsSync(beside) ? beside : undefined);
}
