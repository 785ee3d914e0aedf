/** What REDIS_URL says. The scheme names the kind of installation; nothing is guessed. */

export interface RedisHost {
  readonly host: string;
  readonly port: number;
}

export interface RedisCredentials {
  readonly username?: string;
  readonly password?: string;
}

interface Common {
  readonly tls: boolean;
  /** One for a single server; any that know the others for Sentinel and Cluster. */
  readonly hosts: readonly [RedisHost, ...RedisHost[]];
  /** For the servers that hold the data. */
  readonly credentials: RedisCredentials;
}

export interface SingleRedis extends Common {
  readonly kind: 'single';
  readonly db: number;
}

export interface SentinelRedis extends Common {
  readonly kind: 'sentinel';
  /** The name by which the sentinels know the set of servers. */
  readonly master: string;
  readonly db: number;
  /** For the sentinels themselves. */
  readonly sentinel: RedisCredentials;
}

export interface ClusterRedis extends Common {
  readonly kind: 'cluster';
}

export type RedisAddress = SingleRedis | SentinelRedis | ClusterRedis;

const URL_PARTS = /^(rediss?)(-sentinel|-cluster)?:\/\/([^/?#]*)(\/[^?#]*)?(?:\?([^#]*))?$/;
const PORT = 6379;
const SENTINEL_PORT = 26379;

const fault = (message: string) => new TypeError(message);

/**
 * `redis://user:password@host:6379/0`, `redis-sentinel://user:password@host:26379,host:26379/master?db=0` (and
 * `sentinel_username`, `sentinel_password`) or `redis-cluster://user:password@host:6379,host:6379`; each also with
 * `rediss` for TLS. Throws TypeError whose message follows the name of the setting and quotes nothing secret.
 */
export function parseRedisUrl(text: string): RedisAddress {
  const [, scheme, kind, authority = '', path = '', search = ''] = URL_PARTS.exec(text) ?? [];
  refuseUnescaped(text, path, search, kind);
  if (scheme === undefined) {
    throw fault(
      'must be a URL that starts with redis://, redis-sentinel:// or redis-cluster://, or the same with rediss for TLS',
    );
  }
  const at = authority.lastIndexOf('@');
  const list = authority.slice(at + 1);
  const common = {
    tls: scheme === 'rediss',
    credentials: credentialsOf(at < 0 ? '' : authority.slice(0, at)),
    hosts: hostsOf(list, kind === '-sentinel' ? SENTINEL_PORT : PORT),
  };
  const query = new URLSearchParams(search);
  if (kind === '-sentinel') return sentinelAddress(common, path.slice(1), query);
  allowParameters(query, []);
  return kind === '-cluster'
    ? clusterAddress(common, path.slice(1))
    : singleAddress(common, path.slice(1));
}

const SENTINEL_PARAMETERS = ['db', 'sentinel_username', 'sentinel_password'];

/**
 * A password ends with the last @, and so does what looks like path and query when it has a /, ? or # in it: nothing of
 * that may be told.
 */
function refuseUnescaped(text: string, path: string, search: string, kind = ''): void {
  const isRedis = /^rediss?(-sentinel|-cluster)?:\/\//.test(text);
  const names = [...new URLSearchParams(search).keys()];
  const isKnown = kind === '-sentinel' && names.every((name) => SENTINEL_PARAMETERS.includes(name));
  const isTorn = path.includes('@') || (search.includes('@') && !isKnown);
  if ((isRedis && text.includes('#')) || isTorn) {
    throw fault(
      'has an unescaped character in its user or password: write # as %23, / as %2F, ? as %3F, % as %25',
    );
  }
}

function singleAddress(common: Common, path: string): SingleRedis {
  if (common.hosts.length > 1) {
    throw fault(
      'must name one host; several are a redis-sentinel:// or a redis-cluster:// address',
    );
  }
  return { ...common, kind: 'single', db: databaseOf(path) };
}

function clusterAddress(common: Common, path: string): ClusterRedis {
  if (path !== '') throw fault('must have no path: a Cluster has one database only');
  return { ...common, kind: 'cluster' };
}

function sentinelAddress(common: Common, path: string, query: URLSearchParams): SentinelRedis {
  allowParameters(query, SENTINEL_PARAMETERS);
  if (!/^[^/]+$/.test(path)) {
    throw fault(
      'must end with the name of the master, as in redis-sentinel://host:26379,host:26379/mymaster',
    );
  }
  return {
    ...common,
    kind: 'sentinel',
    master: decoded(path),
    db: databaseOf(query.get('db') ?? ''),
    sentinel: credentials(query.get('sentinel_username'), query.get('sentinel_password')),
  };
}

function allowParameters(query: URLSearchParams, allowed: readonly string[]): void {
  for (const name of query.keys()) {
    if (!allowed.includes(name)) throw fault(`has a parameter that means nothing here: ${name}`);
  }
}

function databaseOf(text: string): number {
  if (!/^\d{0,5}$/.test(text)) throw fault('must name its database by a number');
  return Number(text);
}

function hostsOf(list: string, defaultPort: number): Common['hosts'] {
  const [first = '', ...others] = list.split(',');
  const host = (item: string) => hostOf(item.trim(), defaultPort);
  return [host(first), ...others.map(host)];
}

/** `host`, `host:port`, `[::1]:port`. */
function hostOf(item: string, defaultPort: number): RedisHost {
  const [, host, ipv6, port] =
    /^(?:([^:[\]\s]+)|\[([\da-f:.]+)\])(?::(\d{1,5}))?$/i.exec(item) ?? [];
  const name = host ?? ipv6;
  if (name === undefined || Number(port ?? 1) < 1 || Number(port ?? 1) > 65_535) {
    throw fault('must list its hosts as host or host:port, parted by commas');
  }
  return { host: name, port: Number(port ?? defaultPort) };
}

function credentialsOf(userInfo: string): RedisCredentials {
  const colon = userInfo.indexOf(':');
  if (colon < 0) return credentials(decoded(userInfo), null);
  return credentials(decoded(userInfo.slice(0, colon)), decoded(userInfo.slice(colon + 1)));
}

const credentials = (username: string | null, password: string | null): RedisCredentials => ({
  ...(username ? { username } : {}),
  ...(password ? { password } : {}),
});

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw fault('has a % that is no percent-encoding; write % as %25');
  }
}
