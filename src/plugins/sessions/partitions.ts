import type { Clock } from '../../kernel/clock.ts';
import type { SessionModel } from './model.ts';

const MONTHS_AHEAD = 3;

interface Dependencies {
  readonly sessions: Pick<SessionModel, 'createPartitions'>;
  readonly clock: Clock;
}

/** Makes the partitions of the login history ahead of time, so that its DEFAULT partition stays empty. */
export function createPartitionKeeper({ sessions, clock }: Dependencies): () => Promise<void> {
  return async () => {
    const now = new Date(clock.now());
    const months = Array.from(
      { length: MONTHS_AHEAD + 1 },
      (_, ahead) => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead, 1)),
    );
    await sessions.createPartitions(months);
  };
}
