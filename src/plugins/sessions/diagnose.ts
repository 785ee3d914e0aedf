import type { Clock } from '../../kernel/clock.ts';
import { broken, type Diagnosis, type Finding, warning } from '../../kernel/plugin.ts';
import type { SessionModel } from './model.ts';
import { historyLimit, monthsFrom } from './partitions.ts';

interface Dependencies {
  readonly sessions: Pick<SessionModel, 'partitionFacts' | 'pastPartitions'>;
  readonly clock: Clock;
  /** LOGIN_HISTORY_DAYS. */
  readonly days: number;
}

/** Milliseconds in which a partition must have gone. */
const GRACE = 86_400_000;

/**
 * `login_history`: partitions are there for this month and the next, none of its rows has gone astray, and months that are to be
 * forgotten have gone.
 */
export const diagnosePartitions = ({ sessions, clock, days }: Dependencies): Diagnosis => ({
  name: 'login_history',
  async check() {
    const { strays, missing } = await sessions.partitionFacts(monthsFrom(clock.now(), 2));
    const limit = historyLimit(clock.now() - GRACE, days);
    const past = limit ? await sessions.pastPartitions(limit) : [];
    return [...judgeStrays(strays), ...judgeMissing(missing), ...judgePast(past)];
  },
});

function judgeStrays(strays: number): Finding[] {
  if (strays === 0) return [];
  const problem = `login_history has ${strays} rows in its DEFAULT partition: the partition of their month cannot be made, and without it no node starts.`;
  const fix =
    'Move them into a partition of their own; docs/operations.md has the statements (Doctor).';
  return [broken(problem, fix)];
}

function judgeMissing(missing: readonly string[]): Finding[] {
  if (missing.length === 0) return [];
  const problem = `login_history lacks partitions: ${missing.join(', ')}.`;
  const fix =
    'A start makes them, and nodes do twice a day: see in their logs why "sessions.partitions" fails.';
  return [warning(problem, fix)];
}

function judgePast(past: readonly string[]): Finding[] {
  if (past.length === 0) return [];
  const problem = `login_history keeps more than LOGIN_HISTORY_DAYS: ${past.join(', ')}.`;
  const fix =
    'Nodes drop them once an hour: see in their logs why "sessions.login-history" fails; a transaction that stays open (pg_dump, a report) holds it up.';
  return [warning(problem, fix)];
}
