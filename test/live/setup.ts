/** Builds what is missing before the first test, so that no test waits for a compiler. */
import { toolPath } from '../../tools/build.ts';
import { programs } from '../../tools/programs.ts';
import { prebuiltPrograms } from './providers.ts';

export default async function setup(): Promise<void> {
  await prebuiltPrograms();
  for (const { name } of programs) await toolPath(name);
}
