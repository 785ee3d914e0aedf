import type { Writable } from 'node:stream';
import type { Log } from '../kernel/plugin.ts';
import { createLogger } from '../logging/logger.ts';

/**
 * What a command logs, on standard error: each change (`info`), by the actor `cli`, but not to a terminal, where nobody keeps
 * it and the person reads what the command prints. At the default level warnings are left out: they are for who watches a
 * server.
 */
export function createCommandLog(
  level: string,
  destination: Writable & { readonly isTTY?: boolean } = process.stderr,
): Log {
  const log = createLogger({ level, destination }).child({ actor: 'cli' });
  const isDefault = level === 'info';
  return {
    debug: (fields, message) => log.debug(fields, message),
    info: (fields, message) => {
      if (!isDefault || !destination.isTTY) log.info(fields, message);
    },
    warn: (fields, message) => {
      if (!isDefault) log.warn(fields, message);
    },
    error: (fields, message) => log.error(fields, message),
  };
}
