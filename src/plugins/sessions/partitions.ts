import type { Clock } from '../../kernel/clock.ts';
import { inBatches } from '../../kernel/in-batches.ts';
import type { SessionModel } from './model.ts';

const DAY = 86_400_000;
const MONTHS_AHEAD = 3;

interface Dependencies {
  readonly sessions: Pick<SessionModel, 'createPartitions'>;
  readonly clock: Clock;
}

/** First days (UTC) of so many months, that of `now` (milliseconds) first. */
export function monthsFrom(now: number, count: number): Date[] {
  const date = new Date(now);
  return Array.from(
    { length: count },
    (_, ahead) => new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + ahead, 1)),
  );
}

/** Makes the partitions of the login history ahead of time, so that its DEFAULT partition stays empty. */
export const createPartitionKeeper =
  ({ sessions, clock }: Dependencies): (() => Promise<void>) =>
  () =>
    sessions.createPartitions(monthsFrom(clock.now(), MONTHS_AHEAD + 1));

interface ForgetDependencies {
  readonly sessions: Pick<SessionModel, 'pastPartitions' | 'dropPartition' | 'deleteStrays'>;
  readonly clock: Clock;
  /** LOGIN_HISTORY_DAYS. */
  readonly days: number;
}

/** Sign-ins of before may go; undefined when they are kept for good. */
export const historyLimit = (now: number, days: number): Date | undefined =>
  days === 0 ? undefined : new Date(now - days * DAY);

/** Drops the months of the login history that are wholly past, one after another: what fails is tried again with the next turn. */
export function createForgetHistory({
  sessions,
  clock,
  days,
}: ForgetDependencies): () => Promise<void> {
  return async () => {
    const limit = historyLimit(clock.now(), days);
    if (!limit) return;
    for (const name of await sessions.pastPartitions(limit)) await sessions.dropPartition(name);
    await inBatches((size) => sessions.deleteStrays(limit, size));
  };
}
