import type { CoreConfig } from '../../config/load.ts';
import { CommandError, type Log } from '../kernel/plugin.ts';
import { openStorage, type Storage } from '../storage/open-storage.ts';

/** Milliseconds. A server waits for its storage as long as it takes; a person at a terminal does not. */
const PATIENCE = 10_000;

interface BriefOptions {
  readonly config: CoreConfig;
  readonly poolSize: number;
  readonly log: Log;
  /** Leave out Redis. */
  readonly databaseOnly?: boolean;
}

/** The storage for one command. Throws CommandError when it cannot be reached in time. */
export async function openStorageBriefly(options: BriefOptions): Promise<Storage> {
  const { config, poolSize, log, databaseOnly = false } = options;
  let reason = '';
  try {
    return await openStorage({
      databaseUrl: config.DATABASE_URL,
      redisUrl: databaseOnly ? undefined : config.REDIS_URL,
      dataDir: config.DATA_DIR,
      poolSize,
      role: 'cli',
      log: {
        ...bound(log),
        warn(fields: { readonly store?: string; readonly reason?: string }, message) {
          log.warn(fields, message);
          if (fields.store) reason = `${fields.store}: ${fields.reason ?? message}`;
        },
      },
      signal: AbortSignal.timeout(PATIENCE),
    });
  } catch (error) {
    if (!['AbortError', 'TimeoutError'].includes((error as Error).name)) throw error;
    throw new CommandError(`Gave up after ${PATIENCE / 1000} s. ${reason}`, { cause: error });
  }
}

const bound = (log: Log): Log => ({
  debug: (fields, message) => log.debug(fields, message),
  info: (fields, message) => log.info(fields, message),
  warn: (fields, message) => log.warn(fields, message),
  error: (fields, message) => log.error(fields, message),
});
