/** What the kubelet refuses to run on: settings of the kernel that it would have to change. */
import type { Config } from './config.ts';
import { readOr } from './place.ts';

const WANTED = {
  'vm/overcommit_memory': '1',
  'vm/panic_on_oom': '0',
  'kernel/panic': '10',
  'kernel/panic_on_oops': '1',
} as const;

export async function checkKernel(config: Config): Promise<void> {
  if (!config.is('protect-kernel-defaults')) return;
  for (const [key, value] of Object.entries(WANTED)) {
    const found = (await readOr(`/proc/sys/${key}`, '')).trim();
    if (found !== value)
      throw new Error(
        `failed to run kubelet: invalid kernel flag: ${key}, expected value: ${value}, actual value: ${found}`,
      );
  }
}
