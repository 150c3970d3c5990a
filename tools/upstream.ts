/**
 * Takes from their repositories what no Go module proxy has, for the live control plane of test/live:
 *
 *     node tools/upstream.ts FOLDER
 *
 * builds FOLDER/bin, which is for $OPENOVA_TOOLS, and copies the definitions that we compose to FOLDER/crds, which is for
 * $OPENOVA_CRDS. Needs git, Go and a way to github.com. What is there already is left as it is.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { apiVersionsOf, PACKAGES } from '../functions/providers/packages.ts';

const run = promisify(execFile);

interface Source {
  readonly repository: string;
  readonly tag: string;
}

/** Programs, with their package; the versions that provider-hetzner v0.2.1 was tried with. */
const PROGRAMS: Readonly<Record<string, Source & { readonly main: string }>> = {
  'provider-hetzner-v0.2.1': {
    repository: 'hipervincle/provider-hetzner',
    tag: 'v0.2.1',
    main: './cmd/provider',
  },
  'terraform-provider-hcloud_v1.59.0': {
    repository: 'hetznercloud/terraform-provider-hcloud',
    tag: 'v1.59.0',
    main: '.',
  },
};

/** Folders of definitions, by the package that they are of. */
const DEFINITIONS: Readonly<Record<string, { readonly folder: string; readonly repository: string }>> = {
  'provider-hetzner': { folder: 'provider-hetzner', repository: 'hipervincle/provider-hetzner' },
  'provider-cloudflare-dns': {
    folder: 'provider-upjet-cloudflare-wildbitca',
    repository: 'wildbitca/provider-upjet-cloudflare',
  },
  'provider-aws-route53': {
    folder: 'provider-upjet-aws',
    repository: 'crossplane-contrib/provider-upjet-aws',
  },
  'provider-gcp-dns': { folder: 'provider-upjet-gcp', repository: 'crossplane-contrib/provider-upjet-gcp' },
  'provider-azure-network': {
    folder: 'provider-upjet-azure',
    repository: 'crossplane-contrib/provider-upjet-azure',
  },
};

async function main([target, ...more]: readonly string[]): Promise<number> {
  if (target === undefined || target.startsWith('-') || more.length > 0) {
    process.stderr.write('usage: node tools/upstream.ts FOLDER\n');
    return target === '--help' ? 0 : 2;
  }
  const scratch = await mkdtemp(join(tmpdir(), 'openova-upstream-'));
  try {
    for (const [name, source] of Object.entries(PROGRAMS)) {
      const binary = resolve(target, 'bin', name);
      if (!existsSync(binary)) await build(source, binary, scratch);
      process.stdout.write(`${binary}\n`);
    }
    for (const one of PACKAGES) {
      const from = DEFINITIONS[one.name];
      if (from === undefined) continue;
      const folder = resolve(target, 'crds', from.folder);
      const source = { repository: from.repository, tag: one.tested };
      if (!existsSync(folder)) await copyDefinitions(source, groupsOf(apiVersionsOf(one)), folder, scratch);
      process.stdout.write(`${folder}\n`);
    }
    return 0;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function build(source: Source & { main: string }, binary: string, scratch: string): Promise<void> {
  const checkout = await clone(source, scratch, []);
  process.stderr.write(`building ${source.repository} ${source.tag} …\n`);
  const args = ['build', '-trimpath', '-ldflags', '-s -w', '-o', binary, source.main];
  await run('go', args, { cwd: checkout, env: { ...process.env, CGO_ENABLED: '0' }, maxBuffer: 1 << 24 });
}

/** The definitions of those groups, as the package of the provider brings them. */
async function copyDefinitions(
  source: Source,
  groups: readonly string[],
  folder: string,
  scratch: string,
): Promise<void> {
  const crds = join(await clone(source, scratch, ['package/crds']), 'package/crds');
  const files = (await readdir(crds)).filter((file) => groups.some((group) => file.startsWith(`${group}_`)));
  if (files.length === 0)
    throw new Error(`${source.repository} ${source.tag} has no definition of ${groups.join(', ')}`);
  await mkdir(folder, { recursive: true });
  for (const file of files) await cp(join(crds, file), join(folder, file));
}

/** @param folders all that is wanted of it; empty for everything. */
async function clone(
  { repository, tag }: Source,
  scratch: string,
  folders: readonly string[],
): Promise<string> {
  const checkout = await mkdtemp(join(scratch, 'clone-'));
  process.stderr.write(`cloning ${repository} ${tag} …\n`);
  const url = `https://github.com/${repository}`;
  const part = folders.length === 0 ? [] : ['--filter=blob:none', '--sparse'];
  await run('git', ['clone', '--quiet', '--depth=1', `--branch=${tag}`, ...part, url, checkout]);
  if (folders.length > 0) await run('git', ['-C', checkout, 'sparse-checkout', 'set', ...folders]);
  return checkout;
}

function groupsOf(apiVersions: readonly string[]): string[] {
  return apiVersions.map((apiVersion) => apiVersion.split('/')[0] ?? '');
}

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message.trim() : String(error)}\n`);
  return 1;
});
