/** The state store on PostgreSQL, for installations without Redis: the same port, one statement a method. */
import { hash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import type { Log } from '../kernel/plugin.ts';
import type { Consumption, Database, StateStore } from '../kernel/store.ts';
import { createPostgresListener } from './postgres-listener.ts';
import * as statements from './postgres-store-statements.ts';
import { createStateSweeper } from './state-sweeper.ts';
import {
  bucketAnswer,
  checkBucket,
  checkChannel,
  checkMessage,
  checkTtl,
} from './store-arguments.ts';

/** Milliseconds. */
const SWEEP_INTERVAL = 60_000;
/** Characters: an index entry of PostgreSQL holds about 2,700 bytes. */
const LONGEST_KEY = 500;

export interface PostgresStoreOptions {
  readonly query: Database['query'];
  /** See `openListenClient`. */
  readonly openListenClient: () => Promise<Client>;
  readonly log: Log;
  readonly sleep?: (milliseconds: number) => Promise<void>;
}

export interface PostgresStore extends StateStore {
  /** Sweeps expired records from now on, once a minute unless told, until `close`. */
  start(interval?: number): void;
  /** Deletes expired records now; answers how many. */
  sweep(): Promise<number>;
}

const storedKey = (key: string): string =>
  key.length > LONGEST_KEY ? `sha256:${hash('sha256', key, 'base64url')}` : key;

/** `close` ends what the store opened itself; the database stays open. */
export function createPostgresStore(options: PostgresStoreOptions): PostgresStore {
  const { query, log, openListenClient: open, sleep = delay } = options;
  const listener = createPostgresListener({ open, log, sleep });
  const sweeper = createStateSweeper(query, log);

  const isFound = async (answer: Promise<readonly object[]>) => (await answer).length > 0;

  return {
    async get(key) {
      const [row] = await query<{ value: string }>(statements.GET, [storedKey(key)]);
      return row?.value;
    },
    async set(key, value, ttl) {
      checkTtl(ttl);
      await query(statements.SET, [storedKey(key), value, ttl]);
    },
    async setIfAbsent(key, value, ttl) {
      checkTtl(ttl);
      return isFound(query(statements.SET_IF_ABSENT, [storedKey(key), value, ttl]));
    },
    async take(key) {
      const [row] = await query<{ value: string; live: boolean }>(statements.TAKE, [
        storedKey(key),
      ]);
      return row?.live ? row.value : undefined;
    },
    async consumeOnce(key) {
      const [row] = await query<Consumption>(statements.CONSUME_ONCE, [storedKey(key)]);
      return row;
    },
    async expire(key, ttl) {
      checkTtl(ttl);
      return isFound(query(statements.EXPIRE, [storedKey(key), ttl]));
    },
    async delete(key) {
      await query(statements.DELETE, [storedKey(key)]);
    },
    async takeTokens(bucket) {
      checkBucket(bucket);
      const values = [storedKey(bucket.key), bucket.capacity, bucket.refillPerSecond, bucket.cost];
      const [row] = await query<{ allowed: boolean; tokens: number }>(
        statements.TAKE_TOKENS,
        values,
      );
      return bucketAnswer(bucket, row?.allowed ?? false, row?.tokens ?? 0);
    },
    async publish(channel, message) {
      checkChannel(channel);
      checkMessage(message);
      await query(statements.PUBLISH, [channel, message]);
    },
    async subscribe(channel, onMessage) {
      checkChannel(channel);
      return listener.add(channel, onMessage);
    },
    async ping() {
      await query(statements.PING, []);
    },
    async close() {
      sweeper.stop();
      await listener.close();
    },
    start: (interval = SWEEP_INTERVAL) => sweeper.start(interval),
    sweep: () => sweeper.sweep(),
  };
}
