/**
 * Whether a run has every scenario. On two processors that takes more than twenty minutes; OPENOVA_LIVE=short leaves out the
 * claims with real machines, a dead API, a newer package and the rights taken away, and takes a third of that.
 */
export const EVERYTHING = process.env['OPENOVA_LIVE'] !== 'short';
