import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/plugin.ts';
import type { SessionModel } from './model.ts';

const INTERVAL = 12 * 3_600_000;
const MONTHS_AHEAD = 3;

interface Dependencies {
  readonly sessions: Pick<SessionModel, 'createPartitions'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Keeps partitions of the login history ready ahead of time, so that its DEFAULT partition stays empty. */
export function createPartitionKeeper({ sessions, clock, log }: Dependencies) {
  let timer: NodeJS.Timeout | undefined;

  const keep = async (): Promise<void> => {
    const now = new Date(clock.now());
    const months = Array.from(
      { length: MONTHS_AHEAD + 1 },
      (_, ahead) => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead, 1)),
    );
    await sessions.createPartitions(months);
  };

  return {
    async start(): Promise<void> {
      await keep();
      timer = setInterval(() => {
        keep().catch((error: unknown) =>
          log.error({ event: 'login_history.partition_failed', err: error }, 'no new partition'),
        );
      }, INTERVAL).unref();
    },
    stop(): void {
      clearInterval(timer);
    },
  };
}
