import type { Clock } from '../../kernel/clock.ts';
import { inBatches } from '../../kernel/in-batches.ts';
import type { GrantModel } from './model.ts';

interface Dependencies {
  readonly grants: Pick<GrantModel, 'sweep' | 'sweepUnredeemed'>;
  readonly clock: Clock;
}

/** Deletes grants that expired a day ago, and those whose code nobody redeemed, in small batches. */
export function createSweeper({ grants, clock }: Dependencies): () => Promise<void> {
  return async () => {
    const now = new Date(clock.now());
    await inBatches((size) => grants.sweepUnredeemed(size));
    await inBatches((size) => grants.sweep(now, size));
  };
}
