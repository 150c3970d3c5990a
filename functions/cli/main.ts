#!/usr/bin/env node
/** The `openova` program. */
import { processIo } from './io.ts';
import { run, usageCode } from './program.ts';

const args = process.argv.slice(2);
const code = await run(args, processIo(usageCode(args)));
// Output may still be on its way: the process ends by itself when it is written.
if (code !== undefined) process.exitCode = code;
