/** What can be wrong with the state store, Redis above all. */
import { Cluster, type Redis } from 'ioredis';
import { broken, type Diagnosis, type Finding, type Log, warning } from '../kernel/plugin.ts';
import type { StateStore } from '../kernel/store.ts';
import { innermostReason } from './database-failures.ts';
import { connectRedis } from './redis-connection.ts';
import { watchConnection } from './redis-state.ts';
import { parseRedisUrl } from './redis-url.ts';

/** `state_store`: it answers. */
export const diagnoseStateStore = (store: Pick<StateStore, 'ping'>): Diagnosis => ({
  name: 'state_store',
  readiness: true,
  async check() {
    try {
      await store.ping();
      return [];
    } catch (error) {
      const fix = 'Start Redis, or PostgreSQL where REDIS_URL is not set, or correct the URL.';
      return [broken(`The state store: ${innermostReason(error as Error)}.`, fix)];
    }
  },
});

/** What one server says of itself. */
export interface RedisFacts {
  /** Lines of INFO. */
  readonly info: Readonly<Record<string, string>>;
  /** Setting `save`; undefined where CONFIG is not allowed. */
  readonly save: string | undefined;
}

export interface RedisProbe {
  /** Of each server that takes writes. Throws StoreUnavailable. */
  facts(): Promise<readonly RedisFacts[]>;
  /** Milliseconds since 1970 by its clock. */
  time(): Promise<number>;
  /** Processes that listen to messages of this installation. */
  countListeners(): Promise<number>;
}

/** Each call connects, asks and leaves. */
export function createRedisProbe(url: string, log: Log, prefix = 'auth:'): RedisProbe {
  const ask = async <Answer>(work: (servers: Redis[]) => Promise<Answer>): Promise<Answer> => {
    const connection = connectRedis(parseRedisUrl(url));
    const state = watchConnection(connection, 'doctor', log);
    try {
      await state.ready();
      return await work(connection instanceof Cluster ? connection.nodes('master') : [connection]);
    } catch (error) {
      throw state.failure(error);
    } finally {
      connection.disconnect();
    }
  };
  return {
    facts: () => ask((servers) => Promise.all(servers.map(factsOf))),
    time: () => ask(async ([server]) => milliseconds(await server?.time())),
    countListeners: () =>
      ask(async (servers) => {
        const counts = await Promise.all(
          servers.map((one) => one.call('PUBSUB', 'NUMSUB', `${prefix}keys`) as Promise<unknown[]>),
        );
        return counts.reduce((sum, [, count]) => sum + Number(count), 0);
      }),
  };
}

const milliseconds = ([seconds, microseconds]: readonly unknown[] = [0, 0]): number =>
  Number(seconds) * 1000 + Number(microseconds) / 1000;

async function factsOf(server: Redis): Promise<RedisFacts> {
  const info = Object.fromEntries(
    (await server.info())
      .split('\r\n')
      .map((line) => line.split(':', 2))
      .filter(([, value]) => value !== undefined),
  ) as Record<string, string>;
  // Hosted ones keep CONFIG to themselves.
  const save = await server.config('GET', 'save').then(
    (pair) => (pair as string[])[1],
    () => undefined,
  );
  return { info, save };
}

/** `redis`: version, role, eviction, persistence, room. */
export const diagnoseRedis = (probe: RedisProbe): Diagnosis => ({
  name: 'redis',
  check: async () => (await probe.facts()).flatMap(judgeRedis),
});

const FLOOR = [6, 2] as const;

export function judgeRedis({ info, save }: RedisFacts): Finding[] {
  const of = (name: string): string => info[name] ?? '';
  return [
    ...judgeVersion(of('redis_version')),
    ...judgeMemory(of('maxmemory_policy'), Number(of('maxmemory')), Number(of('used_memory'))),
    ...judgePersistence(of, save),
    ...(of('role') === 'slave'
      ? [broken('Redis is a replica and takes no writes.', 'Let REDIS_URL lead to the primary.')]
      : []),
  ];
}

function judgeVersion(version: string): Finding[] {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isOld = major < FLOOR[0] || (major === FLOOR[0] && minor < FLOOR[1]);
  const fix = `Upgrade it to ${FLOOR.join('.')} or newer: GETDEL came with it.`;
  return isOld ? [broken(`Redis is ${version}.`, fix)] : [];
}

function judgeMemory(policy: string, limit: number, used: number): Finding[] {
  const findings: Finding[] = [];
  if (policy !== 'noeviction') {
    const problem = `Redis may drop sessions and refresh tokens: maxmemory-policy is ${policy}`;
    const fix = 'Set maxmemory-policy noeviction, here and in redis.conf.';
    findings.push(
      limit > 0
        ? broken(`${problem}.`, fix)
        : warning(`${problem}, harmless only while maxmemory is 0.`, fix),
    );
  }
  if (limit > 0 && used > limit * 0.9) {
    const problem = `Redis uses ${Math.round((used / limit) * 100)} % of its maxmemory; when it is full, nobody can sign in.`;
    findings.push(warning(problem, 'Raise maxmemory.'));
  }
  return findings;
}

function judgePersistence(of: (name: string) => string, save: string | undefined): Finding[] {
  const failing = [
    ['rdb_last_bgsave_status', 'The last snapshot of Redis failed, and it may refuse writes.'],
    ['aof_last_write_status', 'Redis cannot write its append-only file, and refuses writes.'],
  ] as const;
  const findings = failing
    .filter(([name]) => of(name) === 'err')
    .map(([, problem]) => broken(problem, 'See the log of Redis: mostly the disk is full.'));
  if (of('aof_enabled') === '0' && save === '') {
    const problem =
      'Redis keeps nothing on disk: after it restarts, everybody has to sign in again.';
    findings.push(warning(problem, 'Set appendonly yes, here and in redis.conf.'));
  }
  return findings;
}
