import type { Clock } from '../../kernel/clock.ts';
import { inBatches } from '../../kernel/in-batches.ts';
import type { SessionService } from './contract.ts';
import type { SessionModel } from './model.ts';

/** Milliseconds a row is kept after its session has ended; the login history keeps what happened. */
const KEEP = 30 * 86_400_000;

interface Dependencies {
  readonly sessions: Pick<SessionModel, 'unused' | 'deleteEnded'>;
  readonly end: SessionService['end'];
  readonly clock: Clock;
  /** Seconds. */
  readonly idleTtl: number;
  readonly lifetime: number;
}

/** Ends sessions that outlived SESSION_TTL or went unused for SESSION_IDLE_TTL, and forgets those that ended long ago. */
export function createHousekeeping(dependencies: Dependencies): () => Promise<void> {
  const { sessions, end, clock, idleTtl, lifetime } = dependencies;
  const before = (seconds: number): Date => new Date(clock.now() - seconds * 1000);

  return async () => {
    await inBatches(async (size) => {
      const ids = await sessions.unused(before(idleTtl), before(lifetime), size);
      for (const id of ids) await end(id, 'expired');
      return ids.length;
    });
    await inBatches((size) => sessions.deleteEnded(new Date(clock.now() - KEEP), size));
  };
}
