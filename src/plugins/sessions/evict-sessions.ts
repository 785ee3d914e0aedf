import { inBatches } from '../../kernel/in-batches.ts';
import type { Log } from '../../kernel/plugin.ts';
import { SESSION_BATCH } from './end-sessions.ts';
import type { SessionModel } from './model.ts';

/** Sessions that a sign-in itself ends at most; when they are more, the limit was lowered. */
const BY_SIGN_IN = 10;
const REASON = 'too many sessions';

interface Dependencies {
  readonly sessions: Pick<SessionModel, 'surplus'>;
  /** Ends at most SESSION_BATCH sessions. */
  readonly end: (uids: readonly string[], reason: string) => Promise<void>;
  readonly log: Log;
  /** Sessions a user may have. */
  readonly limit: number;
}

export type Eviction = ReturnType<typeof createEviction>;

/** Makes room for a new session: those unused longest go, never the new one (SEC-85). */
export function createEviction({ sessions, end, log, limit }: Dependencies) {
  /** The newest session of each user whose surplus is being ended. */
  const newest = new Map<string, string>();
  const running = new Set<Promise<void>>();
  let isStopping = false;

  const endSurplus = async (userId: string): Promise<void> => {
    try {
      await inBatches(async (size) => {
        const ids = await sessions.surplus(userId, newest.get(userId) ?? '', limit, size);
        if (isStopping) return 0;
        if (ids.length > 0) await end(ids, REASON);
        return ids.length;
      }, SESSION_BATCH);
    } catch (error) {
      const fields = { event: 'session.surplus_not_ended', sub: userId, err: error };
      log.warn(fields, 'sessions above the limit live on until the next sign-in');
    } finally {
      newest.delete(userId);
    }
  };

  return {
    /** Ends a few at once; where they are many, the sign-in does not wait. */
    async makeRoom(userId: string, uid: string): Promise<void> {
      const ids = await sessions.surplus(userId, uid, limit, BY_SIGN_IN + 1);
      if (ids.length <= BY_SIGN_IN) {
        for (const id of ids) await end([id], REASON);
        return;
      }
      const isUnderWay = newest.has(userId);
      newest.set(userId, uid);
      if (isUnderWay) return;
      const ended = endSurplus(userId).finally(() => running.delete(ended));
      running.add(ended);
    },

    /** Waits for the batches under way; the next sign-in of each user goes on. */
    async stop(): Promise<void> {
      isStopping = true;
      await Promise.all(running);
    },
  };
}
