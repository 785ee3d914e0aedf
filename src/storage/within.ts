import { setTimeout as delay } from 'node:timers/promises';

/** Whether the work was done in time; work that fails, fails. It is not cancelled. */
export async function within(work: Promise<unknown>, milliseconds: number): Promise<boolean> {
  const stop = new AbortController();
  const late = delay(milliseconds, false, { signal: stop.signal }).catch(() => false);
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    stop.abort();
  }
}
