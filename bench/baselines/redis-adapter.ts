/**
 * oidc-provider's models on Redis, as safe as ours are: one key a record, bearer values stored hashed, and a code or
 * refresh token used up by one script. Nothing that a server with one Redis could leave out and stay correct.
 */
import { hash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { type Adapter, type AdapterPayload, errors } from 'oidc-provider';

const CONSUMABLE = new Set(['AuthorizationCode', 'RefreshToken']);

/** KEYS[1] record, a hash of p payload and c consumed; ARGV[1] seconds since 1970. 1 for the first, 0 after. */
const CONSUME = `
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
return redis.call('HSETNX', KEYS[1], 'c', ARGV[1])`;

/** KEYS[1] record; ARGV payload, seconds to live. */
const PUT = `
redis.call('HSET', KEYS[1], 'p', ARGV[1])
return redis.call('EXPIRE', KEYS[1], ARGV[2])`;

interface Scripts {
  benchConsume(key: string, now: number): Promise<number>;
  benchPut(key: string, payload: string, ttl: number): Promise<number>;
}

const keyOf = (model: string, id: string): string =>
  `bare:${model}:${hash('sha256', id, 'base64url')}`;

/** Everything here has a lifetime. */
const seconds = (expiresIn: number | undefined): number => Math.ceil(expiresIn ?? 1);

const nothing = async (): Promise<undefined> => undefined;

function plainAdapter(redis: Redis, model: string): Adapter {
  const find = async (id: string): Promise<AdapterPayload | undefined> => {
    const json = await redis.get(keyOf(model, id));
    return json === null ? undefined : { ...(JSON.parse(json) as AdapterPayload), jti: id };
  };
  return {
    find,
    async upsert(id, { jti: _id, ...payload }, expiresIn) {
      await redis.set(keyOf(model, id), JSON.stringify(payload), 'EX', seconds(expiresIn));
      if (payload.uid) await redis.set(keyOf('uid', payload.uid), id, 'EX', seconds(expiresIn));
    },
    async findByUid(uid) {
      const id = await redis.get(keyOf('uid', uid));
      return id === null ? undefined : find(id);
    },
    async destroy(id) {
      await redis.unlink(keyOf(model, id));
    },
    consume: nothing,
    findByUserCode: nothing,
    revokeByGrantId: nothing,
  };
}

function consumableAdapter(redis: Redis, model: string): Adapter {
  const scripts = redis as unknown as Scripts;
  return {
    ...plainAdapter(redis, model),
    async find(id) {
      const [json, consumed] = await redis.hmget(keyOf(model, id), 'p', 'c');
      if (!json) return undefined;
      const payload = { ...(JSON.parse(json) as AdapterPayload), jti: id };
      return consumed ? { ...payload, consumed: Number(consumed) } : payload;
    },
    async upsert(id, { jti: _id, ...payload }, expiresIn) {
      await scripts.benchPut(keyOf(model, id), JSON.stringify(payload), seconds(expiresIn));
    },
    async consume(id) {
      const isFirst = await scripts.benchConsume(keyOf(model, id), Math.floor(Date.now() / 1000));
      if (!isFirst) throw new errors.InvalidGrant('already used');
    },
  };
}

export function createRedisAdapter(redis: Redis): (model: string) => Adapter {
  redis.defineCommand('benchConsume', { numberOfKeys: 1, lua: CONSUME });
  redis.defineCommand('benchPut', { numberOfKeys: 1, lua: PUT });
  return (model) =>
    CONSUMABLE.has(model) ? consumableAdapter(redis, model) : plainAdapter(redis, model);
}
