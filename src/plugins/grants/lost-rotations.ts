import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/plugin.ts';
import { StoreUnavailable } from '../../kernel/store.ts';
import type { GrantModel } from './model.ts';

/** Milliseconds in which PostgreSQL may still execute a statement whose connection is gone (statement_timeout). */
const IN_FLIGHT = 6_000;
/** Milliseconds between two attempts. */
const INTERVAL = 500;
/** Entries: an outage under load must not fill the memory; the oldest are given up. */
const LIMIT = 10_000;

export interface LostRotation {
  readonly grantId: string;
  readonly from: number;
  readonly salt: string;
}

interface Dependencies {
  readonly grants: Pick<GrantModel, 'takeBack'>;
  readonly clock: Clock;
  readonly log: Log;
}

export type LostRotations = ReturnType<typeof createLostRotations>;

/**
 * Rotations whose outcome is not known, because the answer of PostgreSQL was lost. The request failed and its
 * successor was given to nobody, so the rotation is taken back: the token that was sent is as good as before.
 * The salt names exactly this request's rotation. Tried until PostgreSQL answers, and until a statement that was
 * under way when the connection broke can no longer be executed.
 */
export function createLostRotations({ grants, clock, log }: Dependencies) {
  const lost = new Map<string, LostRotation & { readonly since: number }>();
  let timer: NodeJS.Timeout | undefined;

  const settle = async (entry: LostRotation & { readonly since: number }): Promise<void> => {
    const undone = await grants.takeBack(entry.grantId, entry.from, entry.salt);
    if (undone) log.info({ event: 'rotation.taken_back' }, 'a refresh that failed was taken back');
    if (undone || clock.now() - entry.since >= IN_FLIGHT) lost.delete(entry.salt);
  };

  const settleAll = async (): Promise<void> => {
    for (const entry of [...lost.values()]) {
      try {
        await settle(entry);
      } catch (error) {
        if (error instanceof StoreUnavailable) return; // Still away: nothing else would get through.
        lost.delete(entry.salt);
        log.error({ event: 'rotation.take_back_failed', err: error }, 'a rotation stays used up');
      }
    }
  };

  const schedule = (): void => {
    if (timer !== undefined || lost.size === 0) return;
    const turn = async (): Promise<void> => {
      await settleAll();
      timer = undefined;
      schedule();
    };
    timer = setTimeout(() => void turn(), INTERVAL);
    timer.unref();
  };

  return {
    add(rotation: LostRotation): void {
      const [oldest] = lost.keys();
      if (lost.size >= LIMIT && oldest !== undefined) lost.delete(oldest);
      lost.set(rotation.salt, { ...rotation, since: clock.now() });
      schedule();
    },

    /** Before a token of this grant is judged. Throws `StoreUnavailable`. */
    async takeBack(grantId: string): Promise<void> {
      for (const entry of [...lost.values()]) if (entry.grantId === grantId) await settle(entry);
    },

    async stop(): Promise<void> {
      clearTimeout(timer);
      await settleAll();
      lost.clear();
    },
  };
}
