import type { Clock } from '../../kernel/clock.ts';
import { broken, type Diagnosis, type Finding, warning } from '../../kernel/plugin.ts';
import type { SessionModel } from './model.ts';
import { monthsFrom } from './partitions.ts';

interface Dependencies {
  readonly sessions: Pick<SessionModel, 'partitionFacts'>;
  readonly clock: Clock;
}

/** `login_history`: partitions are there for this month and the next, and none of its rows has gone astray. */
export const diagnosePartitions = ({ sessions, clock }: Dependencies): Diagnosis => ({
  name: 'login_history',
  async check() {
    const { strays, missing } = await sessions.partitionFacts(monthsFrom(clock.now(), 2));
    return [...judgeStrays(strays), ...judgeMissing(missing)];
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
