/** The PostgreSQL and Redis of one test run: those of DATABASE_URL and REDIS_URL, else private ones. */
import { homedir } from 'node:os';
import path from 'node:path';
import { startPrivatePostgres } from './private-postgres.ts';
import { type PrivateService, startPrivateRedis } from './private-redis.ts';
import { findRedis } from './redis-programs.ts';

export interface Services {
  readonly databaseUrl: string;
  /** Unset when there is no Redis to be had; suites that need one skip themselves. */
  readonly redisUrl?: string;
  /** Stops the private ones. They end with this process in any case, even after kill -9. */
  stop(): Promise<void>;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Throws when there is no PostgreSQL, and in CI when there is no Redis. */
export async function startServices(
  env: Environment,
  log: (line: string) => void,
): Promise<Services> {
  const [postgres, redis] = await Promise.allSettled([postgresOf(env), redisOf(env, log)]);
  const started = [postgres, redis].map((one) =>
    one.status === 'fulfilled' ? one.value : undefined,
  );
  const stop = async () =>
    void (await Promise.all(started.map(async (service) => service?.stop())));
  if (postgres.status === 'fulfilled' && redis.status === 'fulfilled') {
    const redisUrl = redis.value?.url;
    return {
      databaseUrl: postgres.value.url,
      ...(redisUrl === undefined ? {} : { redisUrl }),
      stop,
    };
  }
  await stop();
  throw postgres.status === 'rejected' ? postgres.reason : (redis as PromiseRejectedResult).reason;
}

/** A service that somebody else runs. */
function given(url: string | undefined): PrivateService | undefined {
  return url === undefined || url === '' ? undefined : { url, stop: async () => undefined };
}

async function postgresOf(env: Environment): Promise<PrivateService> {
  return given(env['DATABASE_URL']) ?? (await startPrivatePostgres(env['PATH'] ?? ''));
}

async function redisOf(
  env: Environment,
  log: (line: string) => void,
): Promise<PrivateService | undefined> {
  const theirs = given(env['REDIS_URL']);
  if (theirs !== undefined) return theirs;
  const cache = path.join(env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache'), 'auth-service');
  const program = await findRedis(env['PATH'] ?? '', cache, log);
  if (program !== undefined) return startPrivateRedis(program);
  const advice = 'Put redis-server on PATH or set REDIS_URL.';
  if (env['CI']) throw new Error(`No Redis for the tests. ${advice}`);
  log(`*** NO REDIS: every suite that needs one is SKIPPED. ${advice} ***`);
  return undefined;
}
