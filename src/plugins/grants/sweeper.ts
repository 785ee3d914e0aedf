import type { Clock } from '../../kernel/clock.ts';
import { inBatches } from '../../kernel/in-batches.ts';
import type { GrantModel } from './model.ts';

/** Milliseconds an expired grant is kept, so that a late replay is still recognized as one. */
const KEEP = 24 * 3_600_000;

interface Dependencies {
  readonly grants: Pick<GrantModel, 'sweep' | 'sweepUnredeemed'>;
  readonly clock: Clock;
}

/** Deletes grants that expired a day ago, and those whose code nobody redeemed, in small batches. */
export function createSweeper({ grants, clock }: Dependencies): () => Promise<void> {
  return async () => {
    const limit = new Date(clock.now() - KEEP);
    await inBatches((size) => grants.sweepUnredeemed(size));
    await inBatches((size) => grants.sweep(limit, size));
  };
}
