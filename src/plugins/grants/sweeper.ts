import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/plugin.ts';
import type { GrantModel } from './model.ts';

const INTERVAL = 10 * 60_000;
/** Milliseconds an expired grant is kept, so that a late replay is still recognized as one. */
const KEEP = 24 * 3_600_000;

interface Dependencies {
  readonly grants: Pick<GrantModel, 'sweep'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Deletes grants that expired a day ago, in small batches. */
export function createSweeper({ grants, clock, log }: Dependencies) {
  let timer: NodeJS.Timeout | undefined;

  const sweep = async (): Promise<void> => {
    const limit = new Date(clock.now() - KEEP);
    while ((await grants.sweep(limit)) === 1000);
  };

  return {
    sweep,
    start(): void {
      timer = setInterval(() => {
        sweep().catch((error: unknown) =>
          log.warn({ event: 'grants.sweep_failed', err: error }, 'expired grants stay for now'),
        );
      }, INTERVAL).unref();
    },
    stop(): void {
      clearInterval(timer);
    },
  };
}
