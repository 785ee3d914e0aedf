/** Lua scripts of the Redis state store: one key each, so that they run on a Redis Cluster too. */
import { TOKEN_TOLERANCE } from './store-arguments.ts';

/** First character of a stored record: it lives and dies with the value, in the same key. */
export const UNUSED = '0';
export const USED = '1';

/** KEYS[1] record. Answers nil, or { 1 for the first use and 0 after it, the record }. */
const consumeOnce = `
local record = redis.call('GET', KEYS[1])
if not record then return nil end
if string.sub(record, 1, 1) == '${USED}' then return { 0, record } end
redis.call('SETRANGE', KEYS[1], 0, '${USED}')
return { 1, record }`;

/**
 * KEYS[1] bucket; ARGV capacity, refill per second, cost. Answers { allowed, tokens left }.
 * Redis' own clock; a bucket that would be full by now is gone, which means the same.
 */
const takeTokens = `
local capacity, rate, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = capacity
if bucket[1] then
  local elapsed = math.max(0, now - tonumber(bucket[2]))
  tokens = math.min(capacity, tonumber(bucket[1]) + elapsed * rate)
end
local allowed = 0
if tokens + ${TOKEN_TOLERANCE} >= cost then
  allowed = 1
  tokens = math.max(0, tokens - cost)
end
redis.call('HSET', KEYS[1], 'tokens', string.format('%.9f', tokens), 'at', string.format('%.6f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil((capacity - tokens) / rate * 1000))
return { allowed, string.format('%.9f', tokens) }`;

export const SCRIPTS = {
  consumeOnce: { numberOfKeys: 1, lua: consumeOnce },
  takeTokens: { numberOfKeys: 1, lua: takeTokens },
};
