import type { BaselineProcess } from '../baselines/baseline-process.ts';
import type { RawQuestion } from '../baselines/raw-work.ts';
import type { Side } from '../measure.ts';

/** A function called again and again in a process of its own. */
export const rawSide = (raw: BaselineProcess, work: RawQuestion['work'], token: string): Side => ({
  measure: (warmUp, seconds) => raw.ask({ work, token, warmUp, seconds } satisfies RawQuestion),
});
