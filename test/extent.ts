/**
 * Whether a run has everything. On two processors the live scenarios take more than twenty minutes, and the machines half an hour;
 * OPENOVA_TESTS=short leaves out what takes longest and is said in docs/live.md and docs/bootstrap-machines.md.
 */
export const EVERYTHING = process.env['OPENOVA_TESTS'] !== 'short';
