/** A Redis for one test file, which may empty, stop and break it. */
import { homedir } from 'node:os';
import path from 'node:path';
import { type PrivateRedis, startPrivateRedis } from './private-redis.ts';
import { findRedis, type RedisProgram } from './redis-programs.ts';

/** Undefined when this machine has no Redis and cannot get one. */
export function findOwnRedis(): Promise<RedisProgram | undefined> {
  const { PATH = '', XDG_CACHE_HOME } = process.env;
  const cache = path.join(XDG_CACHE_HOME ?? path.join(homedir(), '.cache'), 'auth-service');
  return findRedis(PATH, cache, (line) => console.error(line));
}

/** Undefined when this machine has no Redis and cannot get one. */
export async function startOwnRedis(): Promise<PrivateRedis | undefined> {
  const program = await findOwnRedis();
  return program && startPrivateRedis(program);
}
