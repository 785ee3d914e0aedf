import type { Clock } from '../../kernel/clock.ts';
import type { SessionModel } from './model.ts';

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
