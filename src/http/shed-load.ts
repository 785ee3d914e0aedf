import type { Middleware } from 'koa';
import type { Log } from '../kernel/plugin.ts';
import { problems } from './problem-response.ts';

export interface Shedding {
  /** Milliseconds by which the event loop is late now. */
  readonly delay: () => number;
  /** From which delay on requests are refused; 0: never. */
  readonly limit: number;
  /** Called for each refused one. */
  readonly onShed: () => void;
}

/**
 * While this process cannot keep up, requests are refused before anything is done for them: those under way end the
 * sooner, and clients hear at once what they would else learn by their time-out. Logs when that begins and ends.
 */
export function shedLoad({ delay, limit, onShed }: Shedding, log: Log): Middleware {
  let isShedding = false;
  return async (_ctx, next) => {
    const isLate = limit > 0 && delay() > limit;
    if (isLate !== isShedding) {
      isShedding = isLate;
      if (isLate)
        log.warn({ event: 'overload.began', ms: Math.round(delay()) }, 'requests are refused');
      else log.info({ event: 'overload.ended' }, 'requests are taken again');
    }
    if (!isLate) return next();
    onShed();
    throw problems.overloaded();
  };
}
