/** `start` with WEB_CONCURRENCY: this process serves nobody, but keeps those running that do, and their PostgreSQL. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Environment } from '../../config/load.ts';
import type { Log } from '../kernel/plugin.ts';
import { type Loaded, withSecretKey } from '../load-settings.ts';
import { createLogger } from '../logging/logger.ts';
import { STOP_LIMIT } from '../main.ts';
import { startLocalDatabase } from '../storage/open-storage.ts';
import { createForking } from '../workers/cluster-workers.ts';
import { type Supervisor, superviseWorkers } from '../workers/supervise.ts';

/** Tells a worker its number; nobody sets it. */
export const WORKER_NUMBER = 'AUTHSRV_WORKER';

/**
 * Resolves when all of them serve, or have ended as `signal` was aborted. `slots`: hashes at once in each.
 * Throws CommandError when the first one does not start.
 */
export async function startWorkers(
  loaded: Loaded,
  slots: number,
  signal: AbortSignal,
): Promise<Pick<Supervisor, 'stop'>> {
  // Made here once, not by each of them.
  const config = withSecretKey(loaded.config);
  const log: Log = createLogger({ level: config.LOG_LEVEL });
  const local = config.embedded
    ? await startLocalDatabase({ dataDir: config.DATA_DIR, role: 'server', log })
    : undefined;
  const fork = createForking();
  const settings = workerSettings(loaded.environment, slots, local);
  const workers = superviseWorkers({
    count: config.WEB_CONCURRENCY,
    fork: (number) => fork({ ...settings, [WORKER_NUMBER]: String(number) }),
    grace: config.drainDelay * 1000 + STOP_LIMIT,
    now: () => performance.now(),
    sleep: (milliseconds, ended) =>
      delay(milliseconds, undefined, { signal: ended }).catch(() => undefined),
    log,
  });
  const stop = async (): Promise<boolean> => {
    const isClean = await workers.stop();
    await local?.stop();
    return isClean;
  };
  const onAbort = () => void workers.stop();
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    await workers.ready;
  } catch (error) {
    await stop();
    throw error;
  }
  return { stop };
}

const urlOf = ({ host, port, user }: { host: string; port: number; user: string }): string =>
  `postgres://${encodeURIComponent(user)}@:${port}/postgres?host=${encodeURIComponent(host)}`;

/** To a worker, the PostgreSQL of this process is one like any other. */
function workerSettings(
  given: Environment,
  slots: number,
  local: { readonly host: string; readonly port: number; readonly user: string } | undefined,
): Record<string, string> {
  return {
    ...('HASH_SLOTS' in given ? {} : { HASH_SLOTS: String(slots) }),
    ...(local
      ? {
          DATABASE_URL: urlOf(local),
          MIGRATE_ON_START: given['MIGRATE_ON_START'] ?? 'true',
        }
      : {}),
  };
}
