/**
 * Connections to one Redis, to whichever server Sentinel calls the master, or to a Redis Cluster. They answer within
 * a bounded time and never run a command twice.
 */
import { Cluster, Redis, type RedisOptions, type SentinelConnectionOptions } from 'ioredis';
import { BoundedCluster } from './bounded-cluster.ts';
import { SCRIPTS } from './redis-scripts.ts';
import type { ClusterRedis, RedisAddress, RedisHost, SentinelRedis } from './redis-url.ts';

/** Milliseconds. */
const COMMAND = 500;
export const CONNECT = 1_000;
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
  // A hung server does not answer a goodbye either.
  disconnectTimeout: COMMAND,
  maxRetriesPerRequest: 1,
  enableAutoPipelining: false,
  socketTimeout: SILENCE,
  // A failover made this server a replica: connect again, which leads to the new primary.
  reconnectOnError: (error: Error) => (error.message.startsWith('READONLY') ? 1 : false),
} satisfies RedisOptions;

/** Milliseconds before the next attempt: 50, 100, 200 … 1,000. */
const pauseBefore = (attempt: number) => Math.min(50 * 2 ** (attempt - 1), LONGEST_PAUSE);

export type RedisConnection = Redis | Cluster;

type NodeOptions = Pick<RedisOptions, 'scripts' | 'retryStrategy'>;

/** For commands. Connects at once, in the background; `ConnectionState.ready` waits for it. */
export function connectRedis(address: RedisAddress): RedisConnection {
  if (address.kind === 'cluster') return connectCluster(address);
  return connectNode(address, { scripts: SCRIPTS });
}

/**
 * For messages only. They reach every node of a Cluster, so one plain connection to any of them is enough: to one that the
 * URL names, or that the connection for `commands` has found.
 */
export function connectSubscriber(address: RedisAddress, commands: RedisConnection): Redis {
  if (address.kind !== 'cluster') return connectNode(address, {});
  let next = 0;
  const subscriber: Redis = connectNode(address, {
    retryStrategy(attempt) {
      const hosts = [...mastersOf(commands), ...address.hosts];
      next = (next + 1) % hosts.length;
      Object.assign(subscriber.options, hosts[next]);
      return pauseBefore(attempt);
    },
  });
  return subscriber;
}

/** Those of a Cluster that there is a connection to. */
const mastersOf = (connection: RedisConnection): RedisHost[] =>
  connection instanceof Cluster
    ? connection.nodes('master').map(({ options: { host = '', port = 0 } }) => ({ host, port }))
    : [];

const security = ({ tls, credentials }: RedisAddress) => ({
  ...credentials,
  ...(tls ? { tls: {} } : {}),
});

function connectNode(address: RedisAddress, options: NodeOptions): Redis {
  return new Redis({
    ...BOUNDED,
    ...security(address),
    enableOfflineQueue: false,
    retryStrategy: pauseBefore,
    ...(address.kind === 'sentinel' ? throughSentinels(address) : address.hosts[0]),
    ...(address.kind === 'cluster' ? {} : { db: address.db }),
    ...options,
  });
}

/** Every attempt to connect asks the sentinels anew, and takes only a server that says it is the master. */
function throughSentinels({ hosts, master, sentinel, tls }: SentinelRedis) {
  return {
    sentinels: hosts.map((host) => ({ ...host })),
    name: master,
    sentinelCommandTimeout: COMMAND,
    sentinelRetryStrategy: pauseBefore,
    ...(sentinel.username ? { sentinelUsername: sentinel.username } : {}),
    ...(sentinel.password ? { sentinelPassword: sentinel.password } : {}),
    ...(tls ? { sentinelTLS: {}, enableTLSForSentinelMode: true } : {}),
  } satisfies SentinelConnectionOptions;
}

function connectCluster(address: ClusterRedis): Cluster {
  const cluster = new BoundedCluster([...address.hosts], {
    scripts: SCRIPTS,
    // ioredis would send a command again whose connection closed before the answer came.
    retryDelayOnFailover: 0,
    // It would go on trying after the caller was told that the call failed.
    retryDelayOnClusterDown: 0,
    slotsRefreshTimeout: CONNECT,
    clusterRetryStrategy: pauseBefore,
    // Names stay names, for certificates to match; each connection looks them up.
    dnsLookup: (name, done) => done(null, name),
    redisOptions: { ...BOUNDED, ...security(address) },
  });
  // Else the first commands for a node would have to wait for its greeting; how that fails, they are told.
  cluster.on('+node', (node: Redis) => void node.connect().catch(() => undefined));
  return cluster;
}
