/** The state store as a failover leaves it: set back to how it was some time ago, or empty. */
import { Redis } from 'ioredis';
import type { Database } from '../../src/kernel/store.ts';
import { startOwnRedis } from './own-redis.ts';
import { type StoreKind, startTestApp, type TestApp } from './test-app.ts';

export interface LosableState {
  readonly app: TestApp;
  /** Remembers everything the store holds. */
  snapshot(): Promise<void>;
  /** Undoes every write since the snapshot. */
  restore(): Promise<void>;
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** A node whose state store nobody else uses; undefined without a Redis to start. */
export async function startOnLosableState(
  kind: StoreKind,
  origin: string,
): Promise<LosableState | undefined> {
  if (kind === 'postgres') return onPostgres(await startTestApp({ store: kind, origin }));
  const redis = await startOwnRedis();
  if (!redis) return undefined;
  const app = await startTestApp({ store: kind, origin, redisUrl: redis.url });
  const client = new Redis(redis.url);
  const close = async (): Promise<void> => {
    client.disconnect();
    await app.close();
    await redis.stop();
  };
  return { app, ...ofRedis(client), close };
}

interface Dump {
  readonly key: Buffer;
  readonly value: Buffer;
  /** Milliseconds. */
  readonly ttl: number;
}

function ofRedis(client: Redis): Pick<LosableState, 'snapshot' | 'restore' | 'flush'> {
  let dumps: readonly Dump[] = [];
  const dump = async (key: Buffer): Promise<Dump[]> => {
    const value = await client.dumpBuffer(key);
    return value ? [{ key, value, ttl: Math.max(0, await client.pttl(key)) }] : [];
  };
  const flush = async (): Promise<void> => void (await client.flushall());
  return {
    flush,
    async snapshot() {
      dumps = (await Promise.all((await client.keysBuffer('*')).map(dump))).flat();
    },
    async restore() {
      await flush();
      for (const { key, value, ttl } of dumps) await client.restore(key, ttl, value);
    },
  };
}

const statement = (name: string, text: string) => ({ name: `test-state-${name}`, text });

const COPY = statement('copy', 'CREATE TABLE state_snapshot AS SELECT * FROM state_store');
const DROP = statement('drop', 'DROP TABLE IF EXISTS state_snapshot');
const EMPTY = statement('empty', 'TRUNCATE state_store');
const FILL = statement('fill', 'INSERT INTO state_store SELECT * FROM state_snapshot');

function onPostgres(app: TestApp): LosableState {
  const database: Database = app.database.database;
  const run = async (...statements: readonly (typeof COPY)[]): Promise<void> => {
    for (const one of statements) await database.query(one, []);
  };
  return {
    app,
    snapshot: () => run(DROP, COPY),
    restore: () => run(EMPTY, FILL),
    flush: () => run(EMPTY),
    close: () => app.close(),
  };
}
