/** A Redis for one test file, which may empty, stop and break it. */
import { homedir } from 'node:os';
import path from 'node:path';
import { type PrivateService, startPrivateRedis } from './private-redis.ts';
import { findRedis } from './redis-programs.ts';

/** Undefined when this machine has no Redis and cannot get one. */
export async function startOwnRedis(): Promise<PrivateService | undefined> {
  const { PATH = '', XDG_CACHE_HOME } = process.env;
  const cache = path.join(XDG_CACHE_HOME ?? path.join(homedir(), '.cache'), 'auth-service');
  const program = await findRedis(PATH, cache, (line) => console.error(line));
  return program && startPrivateRedis(program);
}
