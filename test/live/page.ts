/** docs/live-run.md: what a person sees of a claim, from a run of the scenarios. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { toolPath } from '../../tools/build.ts';
import type { Reference } from './kube.ts';
import type { Live } from './live.ts';
import { kubectl } from './scenario.ts';

const run = promisify(execFile);

/** Where the page goes; left out, none is written. */
const PAGE = process.env['OPENOVA_LIVE_PAGE'];

/** @param timeline one line per moment at which the claim said something new. */
export async function writePage(live: Live, claim: Reference, timeline: readonly string[]): Promise<void> {
  if (PAGE === undefined) return;
  const namespace = `--namespace=${claim.namespace ?? ''}`;
  const kind = claim.kind.toLowerCase();
  const listed = await kubectl(live, 'get', kind, claim.name, namespace);
  const traced = await run(
    await toolPath('crossplane-cli'),
    ['resource', 'trace', `${kind}.platform.openova.io/${claim.name}`, namespace],
    { env: { HOME: live.folder, KUBECONFIG: live.control.kubeconfig } },
  );
  const page = [
    '# A claim on the live control plane',
    `Written by \`OPENOVA_LIVE_PAGE=docs/live-run.md npm run test:live\`: [examples/minimal.yaml](../examples/minimal.yaml) beside other
claims on two cores, see [live.md](live.md).`,
    '## From apply to Ready',
    'The step, and the first of what it waits for, at each moment at which that changed:',
    fenced(timeline.join('\n')),
    '## At Ready',
    fenced(`$ kubectl get ${kind} ${claim.name} ${namespace}\n${listed}`),
    fenced(
      `$ crossplane resource trace ${kind}.platform.openova.io/${claim.name} ${namespace}\n${traced.stdout}`,
    ),
  ];
  await writeFile(PAGE, `${page.join('\n\n')}\n`);
}

function fenced(text: string): string {
  const lines = text.split('\n').map((line) => line.trimEnd());
  return ['```', lines.join('\n').trimEnd(), '```'].join('\n');
}
