/** What the programs beside the live tests leave when the process that started them is killed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually, eventuallyTrue } from '../live/processes.ts';

const processes = join(import.meta.dirname, '../live/processes.ts');

let place = '';
beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'openova-left-behind-'));
});
afterAll(() => rm(place, { recursive: true, force: true }));

/** Whether anybody of a process group lives; one that has ended and is not yet waited for does not. */
async function lives(group: number): Promise<boolean> {
  const child = spawn('ps', ['-eo', 'pgid=,stat='], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
  await once(child, 'close');
  return said
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .some(([id, state = '']) => Number(id) === group && !state.startsWith('Z'));
}

it('is nothing: neither a program, nor what that has started, nor the folder', async () => {
  const folder = join(place, 'swept');
  const started = join(place, 'started');
  await mkdir(folder);
  const program = `
    import { writeFileSync } from 'node:fs';
    import { start, sweepLater } from ${JSON.stringify(processes)};
    sweepLater(${JSON.stringify(folder)});
    const args = ['-c', 'sleep 1000 & sleep 1000; true'];
    const { pid } = start(${JSON.stringify(place)}, 'sleeper', { program: 'sh', args, cwd: ${JSON.stringify(folder)} });
    writeFileSync(${JSON.stringify(started)}, String(pid));
    setInterval(() => undefined, 1000);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: 'inherit' });
  const group = await eventually('the program', 30, async () => {
    const pid = Number(await readFile(started, 'utf8'));
    return pid > 0 && (await lives(pid)) ? pid : undefined;
  });
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;

  await eventuallyTrue('the group to go', 20, async () => !(await lives(group)));
  await eventuallyTrue('the folder to go', 20, () => !existsSync(folder));
  expect(existsSync(place)).toBe(true);
});
