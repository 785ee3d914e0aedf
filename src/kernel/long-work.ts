/** Work that may take longer than a request does. */
import type { Log } from './plugin.ts';

/**
 * Begins the work, or joins what is under way under this key. True when it ended within the caller's patience, false when
 * it goes on. Throws what the work throws in that time; a later failure is logged.
 */
export type LongWork = (key: string, work: () => Promise<void>) => Promise<boolean>;

/** Milliseconds: well below what handlers (30 s), proxies and HTTP clients wait for. */
const PATIENCE = 10_000;

export function createLongWork(log: Pick<Log, 'warn'>, patience = PATIENCE): LongWork {
  const running = new Map<string, Promise<void>>();

  const begin = (key: string, work: () => Promise<void>): Promise<void> => {
    const begun = work().finally(() => running.delete(key));
    running.set(key, begun);
    return begun;
  };

  return async (key, work) => {
    const late = Promise.withResolvers<false>();
    const timer = setTimeout(() => late.resolve(false), patience);
    const ended = (running.get(key) ?? begin(key, work)).then(() => true);
    try {
      const isOver = await Promise.race([ended, late.promise]);
      if (!isOver) {
        ended.catch((err: unknown) =>
          log.warn({ event: 'work.failed', work: key, err }, 'work that went on has failed'),
        );
      }
      return isOver;
    } finally {
      clearTimeout(timer);
    }
  };
}
