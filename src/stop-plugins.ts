/** Ends what plugins began, in reverse order. */
import type { Log } from './kernel/plugin.ts';
import { within } from './storage/within.ts';

/** Milliseconds that one plugin has. */
const PATIENCE = 5_000;

interface Stop {
  readonly plugin: string;
  readonly value: () => Promise<void>;
}

/** Never throws: a plugin that throws or hangs is named in the log, and the others end all the same. */
export async function stopPlugins(
  stops: readonly Stop[],
  log: Log,
  patience = PATIENCE,
): Promise<void> {
  for (const { plugin, value: stop } of [...stops].reverse()) {
    try {
      if (await within(Promise.resolve(stop()), patience)) continue;
      throw new Error(`no end after ${patience} ms`);
    } catch (error) {
      log.error({ event: 'plugin.stop_failed', plugin, err: error }, 'a plugin did not stop');
    }
  }
}
