/** `openova validate`: every mistake in claims, with file and line. */
import { check, isOurs, lineFor } from './check.ts';
import { readSources } from './input.ts';
import { EXIT, UserError, type Io } from './io.ts';
import { counted } from './words.ts';

/** @returns the exit code. */
export async function validate(files: readonly string[], io: Io): Promise<number> {
  const sources = await readSources(files, io);
  const ours = sources.filter(({ object }) => isOurs(object));
  if (ours.length === 0) throw new UserError(`no claim in ${files.map((file) => `"${file}"`).join(', ')}`);
  const findings = check(sources);
  io.err.write(findings.map((finding) => `${lineFor(finding)}\n`).join(''));
  const [objects, others] = [ours.length, sources.length - ours.length];
  const passed = others === 0 ? '' : `, ${others} of other groups not looked at`;
  if (findings.length === 0) {
    io.out.write(`${objects} valid${passed}\n`);
    return EXIT.ok;
  }
  const wrong = new Set(findings.map(({ file, problem }) => `${file} ${problem.field}`));
  io.err.write(`${counted(wrong.size, 'mistake')} in ${counted(objects, 'object')}${passed}\n`);
  return EXIT.invalid;
}
