/** The checks that belong to no plugin. */
import { availableParallelism } from 'node:os';
import type { CoreConfig, Environment } from '../../config/load.ts';
import { createCall, statusUnder } from '../doctor/call.ts';
import { readCertificate } from '../doctor/certificate.ts';
import { diagnoseClock, type OtherClock } from '../doctor/clock.ts';
import { diagnoseCookies } from '../doctor/cookies.ts';
import { diagnoseHeaderRoom } from '../doctor/header-room.ts';
import { diagnoseProxy } from '../doctor/proxy.ts';
import { diagnosePublicUrl } from '../doctor/public-url.ts';
import { diagnoseSecretKey } from '../doctor/secret-key.ts';
import { diagnoseThreadPool } from '../doctor/thread-pool.ts';
import { cookieTable } from '../http/cookies.ts';
import { issuerOf } from '../http/public-url.ts';
import type { Clock } from '../kernel/clock.ts';
import { broken, type Diagnosis, type Log, NotExamined, type Plugin } from '../kernel/plugin.ts';
import { SIGN_IN_COOKIES } from '../kernel/route.ts';
import { diagnoseMigrations } from '../migrations.ts';
import { hashSlots } from '../plugins/users/contract.ts';
import { UnsuitableDatabase } from '../storage/database-failures.ts';
import {
  countListeners,
  databaseTime,
  diagnoseConnections,
  diagnosePostgres,
} from '../storage/diagnose-database.ts';
import { diagnoseDatabaseSettings } from '../storage/diagnose-database-settings.ts';
import {
  createRedisProbe,
  diagnoseRedis,
  diagnoseStateStore,
  type RedisProbe,
} from '../storage/diagnose-redis.ts';
import type { Storage } from '../storage/open-storage.ts';
import { POOL_RESERVE } from './start-command.ts';

export interface CoreParts {
  readonly config: CoreConfig;
  readonly environment: Environment;
  readonly storage: Storage;
  readonly plugins: readonly Plugin[];
  /** Why the embedded PostgreSQL cannot be had, or that of DATABASE_URL not be used. */
  readonly failure: Error | undefined;
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Clock;
  readonly log: Log;
}

export function coreDiagnoses(parts: CoreParts): readonly Diagnosis[] {
  const { config, clock, log } = parts;
  const redis = config.REDIS_URL ? createRedisProbe(config.REDIS_URL, log) : undefined;
  return [
    ...diagnosesOfAddress(parts),
    diagnoseProxy(config, { socket: socketOf(config), call: createCall(parts.fetch), statusUnder }),
    diagnoseSecretKey(config.secretKeys),
    diagnoseThreadPool(threadPoolOf(parts)),
    ...diagnosesOfStores(parts, redis),
    diagnoseClock(clock, clocksOf(parts, redis)),
  ];
}

function diagnosesOfAddress({ config, fetch, clock }: CoreParts): Diagnosis[] {
  const call = createCall(fetch);
  const issuer = issuerOf(config.publicUrl);
  const cookies = cookieTable(config.publicUrl);
  return [
    diagnosePublicUrl({ issuer, socket: socketOf(config), call, readCertificate, clock }),
    diagnoseHeaderRoom({ issuer, call }),
    diagnoseCookies({ issuer, call, expected: SIGN_IN_COOKIES.map((name) => cookies[name]) }),
  ];
}

/** Where this machine reaches a server that listens as the settings say. */
function socketOf({ HOST, PORT }: CoreConfig): string {
  const host = { '0.0.0.0': '127.0.0.1', '::': '::1' }[HOST] ?? HOST;
  return `http://${host.includes(':') ? `[${host}]` : host}:${PORT}`;
}

function threadPoolOf({ config, environment }: CoreParts) {
  const processes = config.WEB_CONCURRENCY;
  return {
    slots: hashSlots(Number(environment['HASH_SLOTS']) || undefined, processes),
    reserve: POOL_RESERVE,
    processes,
    cores: availableParallelism(),
    given: environment['UV_THREADPOOL_SIZE'],
  };
}

function diagnosesOfStores(
  { config, storage, plugins, failure, log }: CoreParts,
  redis: RedisProbe | undefined,
): Diagnosis[] {
  const { db, store } = storage;
  const listening = redis ? redis.countListeners : () => countListeners(db);
  const pools = {
    each: config.DATABASE_POOL + 1,
    processes: async () => Math.max(config.WEB_CONCURRENCY, await listening().catch(() => 1)),
  };
  return [
    failure ? diagnoseFailure(failure) : diagnosePostgres(db),
    diagnoseConnections(db, pools),
    diagnoseDatabaseSettings(db, storage.connection),
    diagnoseMigrations({ db, plugins, log }, config.mayMigrate),
    ...(redis ? [diagnoseStateStore(store), diagnoseRedis(redis)] : []),
  ];
}

const diagnoseFailure = (failure: Error): Diagnosis => ({
  name: 'postgresql',
  async check() {
    if (failure instanceof UnsuitableDatabase) {
      return [broken(failure.finding.problem, failure.finding.fix)];
    }
    const problem = `The embedded PostgreSQL: ${failure.message}`;
    return [broken(problem, 'End what holds it, or set DATABASE_URL.')];
  },
});

function clocksOf({ config, storage, fetch }: CoreParts, redis: RedisProbe | undefined) {
  const call = createCall(fetch);
  const issuer = issuerOf(config.publicUrl);
  const clocks: OtherClock[] = [
    { name: 'PostgreSQL', grain: 0, read: () => databaseTime(storage.db) },
    { name: issuer, grain: 1000, read: async () => dateOf(await call(`${issuer}/health/live`)) },
  ];
  return redis ? [...clocks, { name: 'Redis', grain: 0, read: redis.time }] : clocks;
}

function dateOf({ headers }: { readonly headers: Headers }): number {
  const date = Date.parse(headers.get('date') ?? '');
  if (Number.isNaN(date)) throw new NotExamined('the answer has no date');
  return date;
}
