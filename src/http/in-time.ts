import { problems } from './problem-response.ts';

/** Milliseconds that a handler has: longer than every bounded wait within it. */
const LIMIT = 30_000;

/**
 * What a handler answers; a 503 that names it in the log when it waits for something that never comes. It is not
 * stopped: what it still does, nobody is told.
 */
export async function inTime<Reply>(
  name: string,
  work: Promise<Reply>,
  limit = LIMIT,
): Promise<Reply> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const cause = new Error(`${name} had no answer after ${limit} ms`);
    late.reject(problems.unavailable({ cause }));
  }, limit);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
