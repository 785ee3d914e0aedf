/** The drivers of the state-store port, each on the services of the test run. */
import { randomUUID } from 'node:crypto';
import type { StateStore } from '../../src/kernel/store.ts';
import { openDatabase } from '../../src/storage/database.ts';
import { openListenClient } from '../../src/storage/postgres-listener.ts';
import { createPostgresStore } from '../../src/storage/postgres-store.ts';
import { createRedisStore } from '../../src/storage/redis-store.ts';
import { createTestDatabase } from './database.ts';
import { silentLog } from './log.ts';
import { sharedRedisCluster } from './redis-cluster.ts';
import { startRedisSentinel } from './redis-sentinel.ts';
import { redisUrl } from './service-urls.ts';

export interface StoreDriver {
  /** Another instance, as another node of the service would have. */
  open(): StateStore;
  dispose(): Promise<void>;
}

/** One whose server is at one place, so that a proxy can stand before it. */
export interface ProxiedDriver extends StoreDriver {
  readonly address: { readonly host: string; readonly port: number };
  open(port?: number): StateStore;
}

type Drivers<Driver> = Readonly<Record<string, () => Promise<Driver | undefined>>>;

/** undefined: the service is not there. */
export const PROXIED_DRIVERS: Drivers<ProxiedDriver> = {
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

export const DRIVERS: Drivers<StoreDriver> = {
  ...PROXIED_DRIVERS,

  async 'redis-cluster'() {
    const cluster = await sharedRedisCluster();
    return cluster && { ...openingAt(cluster.url), dispose: async () => {} };
  },

  async 'redis-sentinel'() {
    const sentinel = await startRedisSentinel();
    return sentinel && { ...openingAt(sentinel.url), dispose: sentinel.stop };
  },
};

function openingAt(url: string): Pick<StoreDriver, 'open'> {
  const prefix = `test-${randomUUID()}:`;
  return { open: () => createRedisStore({ url, prefix, log: silentLog }) };
}

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
