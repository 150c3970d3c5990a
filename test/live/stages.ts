/** What a person sees of a claim from apply to Ready, and whether it can be understood. */
import { expect } from 'vitest';
import { listAt, textAt } from '../../functions/kernel/manifest.ts';
import type { Reference } from './kube.ts';
import type { Live } from './live.ts';
import { sleep } from './processes.ts';
import { isReadyClaim, kubectl, lookAt } from './scenario.ts';

/** What kubectl says at one moment. */
export interface Stage {
  /** `kubectl get --no-headers` */
  readonly listed: string;
  /** `kubectl describe` */
  readonly described: string;
}

export interface Stages {
  /** One line per moment at which the claim said something new. */
  readonly lines: readonly string[];
  /** One for each line. */
  readonly stages: readonly Stage[];
}

/** Looks at a claim whenever it says something new, until it is ready. */
export async function stagesOf(live: Live, claim: Reference, seconds: number): Promise<Stages> {
  const begun = Date.now();
  const lines: string[] = [];
  const stages: Stage[] = [];
  let last = '';
  while (Date.now() - begun < seconds * 1000) {
    const found = await lookAt(live, claim);
    const waiting = listAt(found, 'status', 'waitingFor').map(
      (one) => `${textAt(one, 'object') ?? ''} ${textAt(one, 'message') ?? ''}`,
    );
    const state = `${textAt(found, 'status', 'step', 'name') ?? '-'}: ${isReadyClaim(found) ? 'Ready' : (waiting[0] ?? '-')}`;
    if (state !== last) {
      lines.push(`${String(Math.round((Date.now() - begun) / 1000)).padStart(4)} s  ${state}`);
      stages.push(await stageOf(live, claim));
    }
    last = state;
    if (isReadyClaim(found)) return { lines, stages };
    await sleep(500);
  }
  throw new Error(['not ready in time', ...lines, ...live.problems()].join('\n'));
}

async function stageOf(live: Live, { kind, name, namespace = '' }: Reference): Promise<Stage> {
  const object = [kind.toLowerCase(), name, `--namespace=${namespace}`];
  return {
    listed: await kubectl(live, 'get', ...object, '--no-headers'),
    described: await kubectl(live, 'describe', ...object),
  };
}

/** Fails where a stage does not say which step a claim is at, or what it waits for. */
export function expectUnderstandable({ name }: Reference, stages: readonly Stage[]): void {
  // The first is of a claim that nobody has looked at yet.
  for (const { listed, described } of stages.slice(1)) {
    expect(listed).toMatch(new RegExp(`^${name} +[A-Z]\\w+Ready `));
    expect(described).toMatch(/ Step:\n +Name: +[A-Z]\w+Ready\n/);
    expect(`${listed}${described}`).not.toMatch(/undefined|\[object|NaN/);
  }
  const waiting = stages.filter(({ described }) => / Waiting For:\n +(Hint|Message): /.test(described));
  for (const { described } of waiting)
    expect(described).toMatch(/ Message: +\S+ .+\n(?:.*\n)*? +Object: +\S+/);
  expect(waiting.length).toBeGreaterThan(0);
}
