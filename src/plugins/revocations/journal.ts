import type { Change } from './model.ts';

/** Changes that became visible between two reads. */
export interface Batch {
  readonly changes: readonly Change[];
  /** Transactions below it are in this batch or were in one before it. */
  readonly horizon: bigint;
  /** Transactions are counted anew: former horizons say nothing any more. */
  readonly isRestart: boolean;
}

/** `heartbeat`: PostgreSQL has just been read; there was nothing that has not been told. */
export type News = Batch | 'heartbeat';

export interface Follower {
  /** What has happened since the last call, waiting for it if need be; undefined when there will be no more. */
  next(): Promise<News | undefined>;
}

/** What this node reads, to whoever follows. */
export interface Journal {
  readonly isFollowed: boolean;
  tell(news: News): void;
  /** Until `signal` is aborted, or more than `limit` changes wait: whoever is that slow has to come back. */
  follow(signal: AbortSignal): Follower;
}

/** Changes that may wait for one follower. */
const LIMIT = 10_000;

export function createJournal(limit = LIMIT): Journal {
  const listeners = new Set<(news: News) => void>();

  return {
    get isFollowed() {
      return listeners.size > 0;
    },

    tell(news) {
      for (const listener of listeners) listener(news);
    },

    follow(signal) {
      const waiting: News[] = [];
      let size = 0;
      let isOver = signal.aborted;
      let wake = (): void => undefined;

      const listen = (news: News): void => {
        waiting.push(news);
        size += news === 'heartbeat' ? 1 : news.changes.length;
        if (size > limit) end();
        wake();
      };
      const end = (): void => {
        isOver = true;
        listeners.delete(listen);
        wake();
      };
      if (!isOver) {
        listeners.add(listen);
        signal.addEventListener('abort', end, { once: true });
      }

      return {
        async next() {
          while (!isOver && waiting.length === 0) {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
          if (isOver) return undefined;
          const news = waiting.shift();
          size -= news === undefined || news === 'heartbeat' ? 1 : news.changes.length;
          return news;
        },
      };
    },
  };
}
