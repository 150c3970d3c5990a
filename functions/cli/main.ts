#!/usr/bin/env node
/** The `openova` program. */
import { processIo } from './io.ts';
import { run } from './program.ts';

const code = await run(process.argv.slice(2), processIo());
// Output may still be on its way: the process ends by itself when it is written.
if (code !== undefined) process.exitCode = code;
