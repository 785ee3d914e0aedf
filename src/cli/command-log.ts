import type { Log } from '../kernel/plugin.ts';
import { createLogger } from '../logging/logger.ts';

/**
 * What a command logs, on standard error: each change (`info`), by the actor `cli`. At the default level warnings are left out:
 * they are for who watches a server, and the person at the terminal is told what failed.
 */
export function createCommandLog(level: string): Log {
  const log = createLogger({ level, destination: process.stderr }).child({ actor: 'cli' });
  return {
    debug: (fields, message) => log.debug(fields, message),
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => {
      if (level !== 'info') log.warn(fields, message);
    },
    error: (fields, message) => log.error(fields, message),
  };
}
