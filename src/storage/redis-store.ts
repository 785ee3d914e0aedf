/**
 * The state store on Redis. A record is one string key, its first character the mark that
 * `consumeOnce` sets, so every method is one command or one script on one key.
 */
import { Cluster } from 'ioredis';
import type { Log } from '../kernel/plugin.ts';
import type { StateStore } from '../kernel/store.ts';
import { pingCluster } from './ping-cluster.ts';
import { connectRedis, connectSubscriber } from './redis-connection.ts';
import { UNUSED } from './redis-scripts.ts';
import { watchConnection } from './redis-state.ts';
import { createRedisSubscriber } from './redis-subscriber.ts';
import { parseRedisUrl } from './redis-url.ts';
import {
  bucketAnswer,
  checkBucket,
  checkChannel,
  checkMessage,
  checkTtl,
} from './store-arguments.ts';

export interface RedisStoreOptions {
  /** See `parseRedisUrl`. */
  readonly url: string;
  /** Put before every key and channel. */
  readonly prefix?: string;
  readonly log: Log;
}

/** The commands used, as both ioredis' Redis and its Cluster have them. */
interface Commands {
  get(key: string): Promise<string | null>;
  set(key: string, value: string, unit: 'EX', ttl: number, condition?: 'NX'): Promise<'OK' | null>;
  getdel(key: string): Promise<string | null>;
  expire(key: string, ttl: number): Promise<number>;
  unlink(key: string): Promise<number>;
  publish(channel: string, message: string): Promise<number>;
  ping(): Promise<string>;
  consumeOnce(key: string): Promise<[first: number, record: string] | null>;
  takeTokens(key: string, ...numbers: number[]): Promise<[allowed: number, tokens: string]>;
}

const withoutMark = (record: string | null): string | undefined => record?.slice(1);

/** Connects in the background; until then calls throw `StoreUnavailable`, and `ping` waits. */
export function createRedisStore({ url, prefix = 'auth:', log }: RedisStoreOptions): StateStore {
  const address = parseRedisUrl(url);
  const connection = connectRedis(address);
  const state = watchConnection(connection, 'commands', log);
  const redis = connection as unknown as Commands;
  const subscriber = createRedisSubscriber(
    () => connectSubscriber(address, connection),
    prefix,
    log,
  );

  async function answer<Reply>(reply: Promise<Reply>): Promise<Reply> {
    try {
      return await reply;
    } catch (error) {
      throw state.failure(error);
    }
  }

  return {
    get: async (key) => withoutMark(await answer(redis.get(prefix + key))),
    async set(key, value, ttl) {
      checkTtl(ttl);
      await answer(redis.set(prefix + key, UNUSED + value, 'EX', ttl));
    },
    async setIfAbsent(key, value, ttl) {
      checkTtl(ttl);
      return (await answer(redis.set(prefix + key, UNUSED + value, 'EX', ttl, 'NX'))) === 'OK';
    },
    take: async (key) => withoutMark(await answer(redis.getdel(prefix + key))),
    async consumeOnce(key) {
      const found = await answer(redis.consumeOnce(prefix + key));
      return found ? { first: found[0] === 1, value: found[1].slice(1) } : undefined;
    },
    async expire(key, ttl) {
      checkTtl(ttl);
      return (await answer(redis.expire(prefix + key, ttl))) === 1;
    },
    async delete(key) {
      await answer(redis.unlink(prefix + key));
    },
    async takeTokens(bucket) {
      checkBucket(bucket);
      const { capacity, refillPerSecond, cost } = bucket;
      const [allowed, tokens] = await answer(
        redis.takeTokens(prefix + bucket.key, capacity, refillPerSecond, cost),
      );
      return bucketAnswer(bucket, allowed === 1, Number(tokens));
    },
    async publish(channel, message) {
      checkChannel(channel);
      checkMessage(message);
      await answer(redis.publish(prefix + channel, message));
    },
    async subscribe(channel, listener) {
      checkChannel(channel);
      return subscriber.add(channel, listener);
    },
    async ping() {
      await state.ready();
      await answer(
        connection instanceof Cluster ? pingCluster(connection) : redis.ping().then(() => {}),
      );
    },
    async close() {
      subscriber.close();
      connection.disconnect();
    },
  };
}
