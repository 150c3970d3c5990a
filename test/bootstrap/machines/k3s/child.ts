/** Programs inside of K3s: they end with us, however we end. */
import { spawn, type ChildProcess } from 'node:child_process';

/** Its standard error comes by a pipe. */
export function child(program: string, args: readonly string[]): ChildProcess {
  return spawn('setpriv', ['--pdeathsig', 'KILL', program, ...args], {
    stdio: ['ignore', 'inherit', 'pipe'],
    env: { PATH: process.env['PATH'], GOGC: '400' },
  });
}
