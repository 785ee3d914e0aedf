/** The drivers of the state-store port, each on the services of the test run. */
import { randomUUID } from 'node:crypto';
import type { StateStore } from '../../src/kernel/store.ts';
import { openDatabase } from '../../src/storage/database.ts';
import { openListenClient } from '../../src/storage/postgres-listener.ts';
import { createPostgresStore } from '../../src/storage/postgres-store.ts';
import { createRedisStore } from '../../src/storage/redis-store.ts';
import { createTestDatabase } from './database.ts';
import { silentLog } from './log.ts';
import { redisUrl } from './service-urls.ts';

export interface StoreDriver {
  readonly address: { readonly host: string; readonly port: number };
  /** Another instance, as another node of the service would have; on another port when told. */
  open(port?: number): StateStore;
  dispose(): Promise<void>;
}

/** undefined: the service is not there. */
export const DRIVERS: Readonly<Record<string, () => Promise<StoreDriver | undefined>>> = {
  async redis() {
    const base = redisUrl();
    if (!base) return undefined;
    const prefix = `test-${randomUUID()}:`;
    return {
      address: addressOf(base, 6379),
      open: (port) => createRedisStore({ url: onPort(base, port), prefix, log: silentLog }),
      dispose: async () => {},
    };
  },

  async postgres() {
    const { url, drop } = await createTestDatabase();
    const open = (port?: number): StateStore => {
      const connection = { connectionString: onPort(url, port) };
      const database = openDatabase({
        connection,
        poolSize: 10,
        log: silentLog,
        statementTimeout: 500,
      });
      const store = createPostgresStore({
        query: database.query,
        openListenClient: () => openListenClient(connection),
        log: silentLog,
      });
      const close = async () => {
        await store.close();
        await database.close();
      };
      return { ...store, close };
    };
    return { address: addressOf(url, 5432), open, dispose: drop };
  },
};

function addressOf(url: string, port: number) {
  const parsed = new URL(url);
  return { host: parsed.hostname, port: Number(parsed.port || port) };
}

function onPort(url: string, port?: number): string {
  if (port === undefined) return url;
  const changed = new URL(url);
  changed.host = `127.0.0.1:${port}`;
  return changed.href;
}
