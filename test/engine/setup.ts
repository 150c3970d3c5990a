import { toolPath } from '../../tools/build.ts';

/** Builds what every test here runs, once and with its progress shown, before any test's clock starts. */
export default async function setup(): Promise<void> {
  await toolPath('crossplane-core');
  await toolPath('crossplane-cli');
  await toolPath('helm');
}
