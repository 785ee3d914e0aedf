/**
 * Connections to Redis, or to a Redis Cluster, that answer within a bounded time and never run a
 * command twice.
 */
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { Log } from '../kernel/plugin.ts';
import { StoreUnavailable } from '../kernel/store.ts';
import { SCRIPTS } from './redis-scripts.ts';

/** Milliseconds. */
const COMMAND = 500;
const CONNECT = 1_000;
/** Unanswered for so long, a link counts as dead: its socket is closed and a new one opened. */
const SILENCE = 1_500;
const LONGEST_PAUSE = 1_000;

/**
 * Nothing is queued and nothing is sent again. No auto-pipelining either: ioredis holds a batch back
 * while another is under way, so that behind a hung Redis a call would wait for two timeouts.
 */
const BOUNDED = {
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  commandTimeout: COMMAND,
  connectTimeout: CONNECT,
  maxRetriesPerRequest: 1,
  enableAutoPipelining: false,
  socketTimeout: SILENCE,
  // A failover made this server a replica: connect again, where the name may lead to the new primary.
  reconnectOnError: (error: Error) => (error.message.startsWith('READONLY') ? 1 : false),
} satisfies RedisOptions;

/** Milliseconds before the next attempt: 50, 100, 200 … 1,000. */
const pauseBefore = (attempt: number) => Math.min(50 * 2 ** (attempt - 1), LONGEST_PAUSE);

export const UNAVAILABLE = 'Redis did not answer';

export type RedisConnection = Redis | Cluster;

/** `redis://user:password@host:6379/0`, `rediss://` for TLS; a Cluster's nodes parted by commas, or `?cluster=true`. */
export function parseRedisUrls(urls: string): { nodes: readonly string[]; isCluster: boolean } {
  const parsed = urls.split(',').map((url) => new URL(url.trim()));
  const isCluster = parsed.length > 1 || parsed.some((url) => url.searchParams.has('cluster'));
  for (const url of parsed) {
    if (!/^rediss?:$/.test(url.protocol))
      throw new TypeError('A Redis URL begins with redis:// or rediss://');
    url.searchParams.delete('cluster');
  }
  return { nodes: parsed.map(String), isCluster };
}

/** For commands. Connects at once, in the background; `whenReady` waits for it. */
export function connectRedis(urls: string): RedisConnection {
  const { nodes, isCluster } = parseRedisUrls(urls);
  const [first = ''] = nodes;
  return isCluster ? connectCluster(nodes) : connectNode(first, { scripts: SCRIPTS });
}

function connectNode(url: string, options: Pick<RedisOptions, 'scripts' | 'retryStrategy'>): Redis {
  return new Redis(url, {
    ...BOUNDED,
    enableOfflineQueue: false,
    retryStrategy: pauseBefore,
    ...options,
  });
}

function connectCluster(nodes: readonly string[]): Cluster {
  const { protocol, username, password } = new URL(nodes[0] ?? '');
  return new Cluster([...nodes], {
    scripts: SCRIPTS,
    enableOfflineQueue: false,
    // ioredis would send a command again whose connection closed before the answer came.
    retryDelayOnFailover: 0,
    slotsRefreshInterval: 2_000,
    clusterRetryStrategy: pauseBefore,
    redisOptions: {
      ...BOUNDED,
      ...(protocol === 'rediss:' ? { tls: {} } : {}),
      ...(username ? { username: decodeURIComponent(username) } : {}),
      ...(password ? { password: decodeURIComponent(password) } : {}),
    },
  });
}

/** For messages only: they reach every node of a Cluster, so one plain connection is enough. */
export function connectSubscriber(urls: string): Redis {
  const { nodes } = parseRedisUrls(urls);
  let next = 0;
  const subscriber: Redis = connectNode(nodes[0] ?? '', {
    retryStrategy(attempt) {
      next = (next + 1) % nodes.length;
      const { hostname, port } = new URL(nodes[next] ?? '');
      Object.assign(subscriber.options, { host: hostname, port: Number(port || 6379) });
      return pauseBefore(attempt);
    },
  });
  return subscriber;
}

/** What is known of a connection besides its last answer. */
export interface ConnectionState {
  /** Resolves when commands can be sent; throws `StoreUnavailable` when the attempt under way fails. */
  ready(): Promise<void>;
  /** `StoreUnavailable`, caused by what broke the connection rather than by the refusal to queue. */
  failure(error: unknown): StoreUnavailable;
}

/** Follows a connection: logs its loss and its return once each, not every attempt between. */
export function watchConnection(
  connection: RedisConnection,
  name: string,
  log: Log,
): ConnectionState {
  let broken: Error | undefined;
  connection.on('error', (error: Error) => {
    if (!broken)
      log.warn({ event: 'redis.lost', name, reason: error.message }, 'Redis connection lost');
    broken = error;
  });
  connection.on('ready', () => {
    if (broken) log.info({ event: 'redis.recovered', name }, 'Redis connection is back');
    broken = undefined;
  });

  const failure = (error: unknown) => new StoreUnavailable(UNAVAILABLE, { cause: broken ?? error });

  return {
    failure,
    ready() {
      if (connection.status === 'ready') return Promise.resolve();
      if (!['wait', 'connecting', 'connect'].includes(connection.status)) {
        return Promise.reject(failure(new Error(`The connection is ${connection.status}`)));
      }
      return nextAttempt(connection, failure);
    },
  };
}

function nextAttempt(
  connection: RedisConnection,
  failure: (error: unknown) => Error,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (done: () => void) => {
      clearTimeout(late);
      connection.off('ready', onReady);
      connection.off('close', onClose);
      done();
    };
    const onReady = () => settle(resolve);
    const onClose = () => settle(() => reject(failure(new Error('The connection was closed'))));
    const late = setTimeout(onClose, CONNECT);
    connection.on('ready', onReady);
    connection.on('close', onClose);
  });
}
