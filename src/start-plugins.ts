/** Begins what plugins do, in their order. */
import { type Log, PluginError } from './kernel/plugin.ts';
import { stopPlugins } from './stop-plugins.ts';

/** Milliseconds that one plugin has to start. */
const PATIENCE = 60_000;

interface Startable {
  readonly plugin: string;
  readonly start: (() => Promise<void>) | undefined;
  readonly stop: (() => Promise<void>) | undefined;
}

interface Options {
  readonly log: Log;
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined;
  readonly patience?: number;
}

/**
 * `onBegin` is told of each plugin before it starts: from then on it is to be stopped, also when its own start fails.
 * Throws what the start threw, PluginError when it does not end, or the reason of `signal`; the log names the plugin.
 */
export async function startPlugins(
  plugins: readonly Startable[],
  onBegin: (plugin: string) => void,
  options: Options,
): Promise<void> {
  for (const one of plugins) {
    options.signal?.throwIfAborted();
    onBegin(one.plugin);
    if (one.start) await startOne(one, one.start, options);
  }
}

async function startOne(
  { plugin, stop }: Startable,
  start: () => Promise<void>,
  { log, signal, patience = PATIENCE }: Options,
): Promise<void> {
  const begun = Promise.resolve().then(start);
  const given = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    given.reject(new PluginError(`Plugin "${plugin}" did not start within ${patience / 1000} s`));
  }, patience);
  const onAbort = (): void => given.reject(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    await Promise.race([begun, given.promise]);
  } catch (error) {
    log.error({ event: 'plugin.start_failed', plugin, err: error }, 'a plugin did not start');
    // One that starts after it was given up, and stopped, is stopped once more.
    if (stop) begun.then(() => stopPlugins([{ plugin, value: stop }], log)).catch(() => undefined);
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}
