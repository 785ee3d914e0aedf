/** Opens what the settings name: PostgreSQL (embedded or not) and the state store. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../kernel/plugin.ts';
import { type StateStore, StoreUnavailable } from '../kernel/store.ts';
import { createCircuitBreaker } from './circuit-breaker.ts';
import type { DatabaseConnection } from './connection-settings.ts';
import { type OpenDatabase, openDatabase } from './database.ts';
import { refuseUnsuitable } from './diagnose-database.ts';
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from './embedded-postgres/start-embedded-postgres.ts';
import { openListenClient } from './postgres-listener.ts';
import { createPostgresStore } from './postgres-store.ts';
import { createRedisStore } from './redis-store.ts';
import { refuseSharedSessions } from './session-probe.ts';
import { storeBehindBreaker } from './store-behind-breaker.ts';
import { waitForDatabase, waitForStore } from './wait-until-reachable.ts';

export interface StorageOptions {
  /** Unset: an embedded PostgreSQL under `dataDir`. */
  readonly databaseUrl: string | undefined;
  /** Unset: the state store is PostgreSQL as well. */
  readonly redisUrl: string | undefined;
  readonly dataDir: string;
  readonly poolSize: number;
  /** A `cli` joins the embedded PostgreSQL of a running server. */
  readonly role: 'server' | 'cli';
  readonly log: Log;
  /** Ends the waiting for stores that cannot be reached. */
  readonly signal?: AbortSignal;
  /** False: opens them unasked, also when they cannot be reached. */
  readonly isAwaited?: boolean;
}

export interface Storage {
  readonly db: OpenDatabase;
  readonly store: StateStore;
  /** What the state store is. */
  readonly storeSystem: 'redis' | 'postgresql';
  /** Whether calls of the state store fail at once because it did not answer several in a row. */
  readonly isStoreGivenUp: () => boolean;
  readonly connection: DatabaseConnection;
  close(): Promise<void>;
}

/** The embedded PostgreSQL: started, or joined by a command. */
export const startLocalDatabase = ({
  dataDir,
  role,
  log,
}: Pick<StorageOptions, 'dataDir' | 'role' | 'log'>): Promise<EmbeddedPostgres> =>
  startEmbeddedPostgres({
    dataDir: `${dataDir}/postgres`,
    role,
    log: (line) => log.debug({ event: 'postgres.line', line }, 'PostgreSQL says'),
  });

/**
 * Resolves when both answer; until then it tries again with growing pauses and logs each failure once. Throws
 * `UnsuitableDatabase` for one that we cannot live with.
 */
export async function openStorage(options: StorageOptions): Promise<Storage> {
  const { databaseUrl, redisUrl, dataDir, poolSize, role, log, isAwaited = true } = options;
  const wait = {
    log,
    sleep: async (milliseconds: number) => {
      await delay(milliseconds, undefined, options.signal ? { signal: options.signal } : {});
    },
    ...(options.signal ? { signal: options.signal } : {}),
  };
  const embedded =
    databaseUrl === undefined ? await startLocalDatabase({ dataDir, role, log }) : undefined;
  const connection: DatabaseConnection = embedded
    ? { host: embedded.host, port: embedded.port, user: embedded.user, database: embedded.database }
    : { connectionString: databaseUrl ?? '' };
  const db = openDatabase({ connection, poolSize, log });
  const opened: { close(): Promise<void> }[] = [db];
  const close = async (): Promise<void> => {
    for (const one of opened.reverse()) await one.close();
    await embedded?.stop();
  };
  try {
    if (isAwaited) await waitForDatabase({ ping: () => examine(connection, db) }, wait);
    else await refuseSharedSessions(connection).catch(unlessUnreachable);
    const store = redisUrl
      ? createRedisStore({ url: redisUrl, log })
      : onPostgres(db, connection, log);
    opened.push(store);
    if (redisUrl && isAwaited) await waitForStore(store, wait);
    const storeSystem = redisUrl ? 'redis' : 'postgresql';
    const breaker = createCircuitBreaker({
      name: 'state_store',
      log,
      now: () => performance.now(),
    });
    return {
      db,
      store: storeBehindBreaker(store, breaker),
      storeSystem,
      isStoreGivenUp: breaker.isOpen,
      connection,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Before anything is said through the pool: a pooler that shares sessions would hand it to others. */
async function examine(connection: DatabaseConnection, db: OpenDatabase): Promise<void> {
  await refuseSharedSessions(connection);
  await refuseUnsuitable(db);
}

function unlessUnreachable(error: unknown): void {
  if (!(error instanceof StoreUnavailable)) throw error;
}

function onPostgres(db: OpenDatabase, connection: DatabaseConnection, log: Log): StateStore {
  const store = createPostgresStore({
    query: db.query,
    openListenClient: () => openListenClient(connection),
    log,
  });
  store.start();
  return store;
}
