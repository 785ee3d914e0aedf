/** A node whose PostgreSQL and Redis are reached through proxies that misbehave as told. */
import { createTestDatabase } from './database.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { redisUrl } from './service-urls.ts';
import { type StoreKind, startTestApp, type TestApp, type TestAppOptions } from './test-app.ts';

export interface FaultyApp {
  /** Its `database.database` goes straight to PostgreSQL. */
  readonly app: TestApp;
  readonly postgres: FaultProxy;
  /** The state store: Redis, or PostgreSQL as well. */
  readonly store: FaultProxy;
  close(): Promise<void>;
}

export async function startFaultyApp(
  kind: StoreKind,
  options: TestAppOptions = {},
): Promise<FaultyApp> {
  const database = options.database ?? (await createTestDatabase());
  const postgres = await startFaultProxy(addressOf(database.url, 5432));
  const redis = kind === 'redis' ? redisUrl() : undefined;
  const store = redis === undefined ? postgres : await startFaultProxy(addressOf(redis, 6379));
  const app = await startTestApp({
    ...options,
    store: kind,
    database: { ...database, url: through(postgres, database.url) },
    ...(redis === undefined ? {} : { redisUrl: through(store, redis) }),
  });
  return {
    app,
    postgres,
    store,
    async close() {
      await app.close();
      await postgres.close();
      if (store !== postgres) await store.close();
      if (!options.database) await database.drop();
    },
  };
}

/** From now on nothing answers there any more; `fault` says how. */
export function breakOff(proxy: FaultProxy, fault: 'refuse' | 'hang' = 'refuse'): void {
  proxy.fault = fault;
  if (fault === 'refuse') proxy.cut();
}

function addressOf(url: string, port: number): { host: string; port: number } {
  const parsed = new URL(url);
  return { host: parsed.hostname, port: Number(parsed.port || port) };
}

function through(proxy: FaultProxy, url: string): string {
  const changed = new URL(url);
  changed.host = `127.0.0.1:${proxy.port}`;
  return changed.href;
}
