import type { Log } from '../../kernel/plugin.ts';

/**
 * `work` without its failures; false when it failed. What is known stays denied, the next turn tries again. Logs each
 * change once.
 */
export function keepTrying(
  log: Log,
  part: string,
  work: () => Promise<void>,
): () => Promise<boolean> {
  let failing = false;
  return async () => {
    try {
      await work();
      if (failing) log.info({ event: 'revocations.recovered', part }, 'denylist is fed again');
      failing = false;
    } catch (error) {
      const fields = { event: 'revocations.feed_failed', part, err: error };
      if (!failing) log.warn(fields, 'denylist not fed');
      failing = true;
    }
    return !failing;
  };
}
