/** Builds what is missing before the first test, so that no test waits for a compiler. */
import { prerequisites } from './live.ts';

export default prerequisites;
