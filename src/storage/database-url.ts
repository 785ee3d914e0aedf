/** What DATABASE_URL says: a URL as libpq reads it (PostgreSQL manual §34.1.1.2), each of its parts decoded in full. */
import type { ClientConfig } from 'pg';
import { parseIntoClientConfig } from 'pg-connection-string';

export interface DatabaseAddress {
  /** What pg's `Client` takes: host and port always, so that PGHOST and PGPORT mean nothing. */
  readonly config: ClientConfig;
  /** Parameters that change nothing here, by name. */
  readonly ignored: readonly string[];
}

type Parameters = ReadonlyMap<string, string>;

const URL_PARTS = /^postgres(?:ql)?:\/\/([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/is;
const PORT = 5432;

const fault = (message: string) => new TypeError(message);
const unescaped = () =>
  fault(
    'has an unescaped character in its user, password or database: write # as %23, / as %2F, ? as %3F, @ as %40, % as %25',
  );

/** Read by pg-connection-string. */
const TLS = ['sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'ssl', 'uselibpqcompat'];
const TLS_MODES = 'disable allow prefer require verify-ca verify-full no-verify'.split(' ');
/** What they ask for, a session has in any case, or it is of no matter here. */
const HARMLESS =
  'client_encoding fallback_application_name gssencmode keepalives keepalives_idle keepalives_interval keepalives_count tcp_user_timeout sslcompression sslsni load_balance_hosts target_session_attrs';
const KNOWN = new Set([
  ...TLS,
  ...HARMLESS.split(' '),
  ...['host', 'port', 'user', 'password', 'dbname'],
  ...['application_name', 'connect_timeout', 'options'],
]);
/** With these libpq would connect elsewhere, or as somebody else. */
const UNSUPPORTED = ['service', 'servicefile', 'passfile', 'hostaddr', 'replication'];

/**
 * `postgres://user:password@host:5432/database?sslmode=verify-full`, also `postgresql://`; sockets are
 * `postgres://user:password@/database?host=/folder` or `…@%2Ffolder/database`. Throws TypeError whose message follows the
 * name of the setting and quotes nothing that may be a piece of the password.
 */
export function parseDatabaseUrl(text: string): DatabaseAddress {
  const [, authority, path = '', search = ''] = URL_PARTS.exec(text) ?? [];
  if (authority === undefined) {
    throw fault('must be a URL that starts with postgres:// or postgresql://');
  }
  // A password ends with the last @: what follows it can hold another one only if the password has a / or ? in it.
  if (text.includes('#') || path.includes('@')) throw unescaped();
  const query = parametersOf(search);
  const at = authority.lastIndexOf('@');
  const [user, password] = credentialsOf(at < 0 ? '' : authority.slice(0, at));
  const place = placeOf(authority.slice(at + 1), query);
  const config = {
    ...place,
    ...some('user', query.get('user') ?? user),
    ...some('password', query.get('password') ?? password),
    ...some('database', query.get('dbname') ?? decoded(path)),
    ...some('application_name', query.get('application_name')),
    // A space may be written as + here, as before; libpq takes %20 alone.
    ...some('options', query.get('options')?.replaceAll('+', ' ')),
    ...patienceOf(query.get('connect_timeout')),
    // libpq, too, knows no TLS on a socket.
    ...(place.host.startsWith('/') ? { ssl: false } : tlsOf(query)),
  };
  return { config, ignored: [...query.keys()].filter((name) => !KNOWN.has(name)) };
}

const some = <Name extends string>(name: Name, value: string | undefined) =>
  (value ? { [name]: value } : {}) as { [key in Name]?: string };

function parametersOf(search: string): Parameters {
  const query = new Map<string, string>();
  for (const pair of search.split('&').filter(Boolean)) {
    const [name = '', ...value] = pair.split('=');
    if (value.length === 0 && !search.includes('@')) throw fault('has a parameter without a value');
    // No other parameter has one: it is the end of a password with a ? in it, whose piece must not be told.
    if (!KNOWN.has(name) && search.includes('@')) throw unescaped();
    query.set(decoded(name), decoded(value.join('=')));
  }
  checkParameters(query);
  return query;
}

function checkParameters(query: Parameters): void {
  for (const name of UNSUPPORTED) {
    if (query.has(name))
      throw fault(`has ${name}, which is not supported: name host, user and password`);
  }
  if (!['any', 'read-write', 'primary'].includes(query.get('target_session_attrs') ?? 'any')) {
    throw fault('has a target_session_attrs that is not supported: only a primary takes writes');
  }
  if (!TLS_MODES.includes(query.get('sslmode') ?? 'disable')) {
    throw fault(`has an sslmode that is none of ${TLS_MODES.join(', ')}`);
  }
}

function credentialsOf(userInfo: string): [user: string, password: string] {
  const [user = '', ...password] = userInfo.split(':');
  return [decoded(user), decoded(password.join(':'))];
}

/** `host`, `host:port`, `[::1]:port`, a socket's folder, or nothing. Parameters go first, as with libpq. */
function placeOf(text: string, query: Parameters): { host: string; port: number } {
  const hosts = query.get('host') ?? text;
  if (hosts.includes(',') || query.get('port')?.includes(',')) {
    throw fault('names several hosts, which is not supported: name one that leads to the primary');
  }
  const [, ipv6, name, digits] = /^(?:\[([^[\]]+)\]|([^:[\]]*))(?::(\d*))?$/.exec(text) ?? [];
  const host = query.get('host') || decoded(ipv6 ?? name ?? ' ') || 'localhost';
  const port = query.get('port') || digits || String(PORT);
  const isPlace = host.startsWith('/') || /^[^\s/@]+$/.test(host);
  if (!isPlace || !/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535) {
    throw fault(
      'must name its host as host, host:port, [IPv6 address]:port or ?host=/socket/folder',
    );
  }
  return { host, port: Number(port) };
}

/** Seconds; 0 and less leave it to us. */
function patienceOf(seconds: string | undefined): Pick<ClientConfig, 'connectionTimeoutMillis'> {
  if (seconds === undefined) return {};
  if (!/^-?\d{1,4}$/.test(seconds))
    throw fault('has a connect_timeout that is no number of seconds');
  return Number(seconds) > 0 ? { connectionTimeoutMillis: Number(seconds) * 1000 } : {};
}

function tlsOf(query: Parameters): Pick<ClientConfig, 'ssl'> {
  const given = TLS.map((name) => [name, query.get(name)] as const).filter(
    // Node's own authorities are those of the system, for who asks for them.
    ([name, value]) => value !== undefined && !(name === 'sslrootcert' && value === 'system'),
  ) as [string, string][];
  if (given.length === 0) return {};
  try {
    const { ssl } = parseIntoClientConfig(`postgres://host/?${new URLSearchParams(given)}`);
    return ssl === undefined ? {} : { ssl };
  } catch (error) {
    throw fault(`has TLS parameters of no use: ${(error as Error).message}`);
  }
}

/** A % that begins no escape stands for itself. */
function decoded(text: string): string {
  try {
    const value = decodeURIComponent(text.replaceAll(/%(?![\da-f]{2})/gi, '%25'));
    if (!value.includes('\0')) return value;
  } catch {
    // Told below.
  }
  throw fault('has a percent-encoding that is no UTF-8 text; write % as %25');
}
