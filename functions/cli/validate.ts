/** `openova validate`: every mistake in claims, with file and line. */
import { isObject, listAt, objectAt, textAt, type Json, type JsonObject } from '../kernel/manifest.ts';
import { PRICED_AT, SERVER_TYPES } from '../pricing/hetzner.ts';
import { check, isOurs, lineFor } from './check.ts';
import { readSources, type Source } from './input.ts';
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
    io.err.write(ours.flatMap(doubtsAbout).join(''));
    io.out.write(`${objects} valid${passed}\n`);
    return EXIT.ok;
  }
  const wrong = new Set(findings.map(({ file, problem }) => `${file} ${problem.field}`));
  io.err.write(`${counted(wrong.size, 'mistake')} in ${counted(objects, 'object')}${passed}\n`);
  return EXIT.invalid;
}

/** A warning for every server type that may be a slip: the cloud alone knows all that it sells. */
function doubtsAbout(source: Source): string[] {
  return serverTypes(objectAt(source.object, 'spec') ?? {}, 'spec').flatMap(([field, type]) => {
    if (typeof type !== 'string' || SERVER_TYPES[type] !== undefined) return [];
    const message = `is "${type}", which is not in the price list of ${PRICED_AT}`;
    const { file } = source;
    return [`Warning: ${lineFor({ file, line: source.lineOf(field), problem: { field, message } })}\n`];
  });
}

/** The server types that a spec and its regions name, each with its field. */
function serverTypes(spec: JsonObject, at: string): [string, Json][] {
  const named = (list: string) =>
    listAt(spec, list)
      .filter(isObject)
      .map((item) => [item, `${at}.${list}[${textAt(item, 'name') ?? ''}]`] as const);
  const machines = [[objectAt(spec, 'controlPlane'), `${at}.controlPlane`] as const, ...named('pools')];
  return [
    ...machines.flatMap(([owner, field]) =>
      listAt(owner, 'serverTypes').map((type, index): [string, Json] => [
        `${field}.serverTypes[${index}]`,
        type,
      ]),
    ),
    ...named('regions').flatMap(([region, field]) => serverTypes(region, field)),
  ];
}
