/** What can be wrong with PostgreSQL: for `authsrv doctor`, and for `/health/ready`. */
import { broken, type Diagnosis, type Finding, warning } from '../kernel/plugin.ts';
import { type Database, StoreUnavailable } from '../kernel/store.ts';
import { innermostReason, sqlState, UnsuitableDatabase } from './database-failures.ts';

const FACTS = {
  name: 'diagnosis-facts',
  text: `SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS number,
    pg_is_in_recovery() OR current_setting('transaction_read_only')::bool AS readonly,
    current_setting('server_encoding') AS encoding, current_schema() AS schema,
    current_setting('session_replication_role') AS replication_role`,
};
const CONNECTIONS = {
  name: 'diagnosis-connections',
  text: `SELECT
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
      - coalesce(current_setting('reserved_connections', true)::int, 0) AS room,
    (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user) AS role_room,
    (SELECT datconnlimit FROM pg_database WHERE datname = current_database()) AS database_room,
    (SELECT sum(numbackends)::int FROM pg_stat_database) AS used`,
};
const NOW = {
  name: 'diagnosis-now',
  text: 'SELECT extract(epoch FROM clock_timestamp())::float8 AS now',
};

/** The oldest PostgreSQL that has all that the statements use. */
const FLOOR = 15;

interface Facts {
  readonly version: string;
  readonly number: number;
  readonly readonly: boolean;
  readonly encoding: string;
  /** Where tables are made; null when `search_path` leads nowhere. */
  readonly schema: string | null;
  readonly replication_role: string;
}

async function readFacts(db: Database): Promise<Facts> {
  const [facts] = await db.query<Facts>(FACTS, []);
  if (!facts) throw new Error('PostgreSQL says nothing of itself');
  return facts;
}

/**
 * Throws `UnsuitableDatabase` that says what to do about a database that no waiting mends, and `StoreUnavailable` for one
 * that takes no writes yet: a standby may be promoted.
 */
export async function refuseUnsuitable(db: Database): Promise<void> {
  const facts = await readFacts(db);
  const [finding] = judgeLasting(facts);
  if (finding) throw new UnsuitableDatabase(finding);
  if (!facts.readonly) return;
  const cause = new Error(`${READ_ONLY.problem} ${READ_ONLY.fix}`);
  throw new StoreUnavailable('PostgreSQL takes no writes', { cause });
}

/** `postgresql`: reachable, new enough, and taking writes. */
export const diagnosePostgres = (db: Database): Diagnosis => ({
  name: 'postgresql',
  readiness: true,
  async check() {
    try {
      const facts = await readFacts(db);
      return [...judgeLasting(facts), ...(facts.readonly ? [READ_ONLY] : [])];
    } catch (error) {
      return [broken(`PostgreSQL: ${innermostReason(error as Error)}.`, wayBack(error))];
    }
  },
});

const READ_ONLY = broken(
  'PostgreSQL takes no writes: it is a standby or read-only.',
  'Let DATABASE_URL lead to the primary, promote this server, or take default_transaction_read_only back.',
);

/** What stays as it is until somebody changes it. */
function judgeLasting({ version, number, encoding, schema, replication_role }: Facts): Finding[] {
  const findings: Finding[] = [];
  if (number < FLOOR * 10_000) {
    findings.push(broken(`PostgreSQL is ${version}.`, `Upgrade it to ${FLOOR} or newer.`));
  }
  if (encoding !== 'UTF8') {
    const fix =
      "Dump it, make one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0, and restore into that.";
    findings.push(broken(`The encoding of the database is ${encoding}, not UTF8.`, fix));
  }
  if (schema === null) {
    const fix = 'Make the schema, or correct search_path of the role or the database.';
    findings.push(broken('search_path leads to no schema that the role may use.', fix));
  }
  if (replication_role === 'replica') {
    const fix = 'Take session_replication_role back (ALTER ROLE … RESET, ALTER DATABASE … RESET).';
    findings.push(broken('session_replication_role is replica: no foreign key is checked.', fix));
  }
  return findings;
}

/** By SQLSTATE (PostgreSQL, Appendix A); anything else is a matter of the address. */
function wayBack(error: unknown): string {
  const state = sqlState(error) ?? '';
  if (state.startsWith('28')) return 'Correct user and password in DATABASE_URL, or pg_hba.conf.';
  if (state === '3D000') return 'Create that database, or correct its name in DATABASE_URL.';
  if (state.startsWith('53')) return 'Give PostgreSQL more connections, memory or disk.';
  return 'Start PostgreSQL, or correct DATABASE_URL.';
}

interface Connections {
  readonly room: number;
  /** -1: no limit. */
  readonly role_room: number;
  readonly database_room: number;
  readonly used: number;
}

export interface Pools {
  /** Connections that one process opens at most: its pool, and one that listens. */
  readonly each: number;
  /** Processes that share the database, as far as can be told. */
  processes(): Promise<number>;
}

/** `connections`: what all processes may open, against what PostgreSQL allows. */
export const diagnoseConnections = (db: Database, pools: Pools): Diagnosis => ({
  name: 'connections',
  async check() {
    const [found] = await db.query<Connections>(CONNECTIONS, []);
    if (!found) return [];
    const limits = [found.room, found.role_room, found.database_room].filter((one) => one >= 0);
    const processes = await pools.processes();
    return judgeConnections({ ...pools, processes, room: Math.min(...limits), used: found.used });
  },
});

export function judgeConnections(given: {
  readonly each: number;
  readonly processes: number;
  readonly room: number;
  readonly used: number;
}): Finding[] {
  const { each, processes, room, used } = given;
  const wanted = each * processes;
  const fix = `Set DATABASE_POOL to ${Math.max(2, Math.floor(room / (processes + 1)) - 1)}, or raise max_connections of PostgreSQL.`;
  const words = `${processes} ${processes === 1 ? 'process' : 'processes'} with DATABASE_POOL=${each - 1} may open ${wanted} connections`;
  if (wanted > room) return [broken(`${words}; PostgreSQL allows ${room}.`, fix)];
  if (wanted + each > room) {
    return [warning(`${words} of ${room}: there is no room for one more during a restart.`, fix)];
  }
  if (used > room * 0.9) {
    const other = 'Find out who holds them (pg_stat_activity), or raise max_connections.';
    return [warning(`${used} of ${room} connections of PostgreSQL are in use.`, other)];
  }
  return [];
}

const LISTENERS = {
  name: 'diagnosis-listeners',
  text: `SELECT count(*)::int AS listeners FROM pg_stat_activity
    WHERE application_name = 'auth-service-listener' AND datname = current_database()`,
};

/** Processes whose state store is PostgreSQL: each holds one connection that listens. */
export async function countListeners(db: Database): Promise<number> {
  return (await db.query<{ listeners: number }>(LISTENERS, []))[0]?.listeners ?? 0;
}

/** Milliseconds since 1970 by PostgreSQL's clock. */
export async function databaseTime(db: Database): Promise<number> {
  return ((await db.query<{ now: number }>(NOW, []))[0]?.now ?? 0) * 1000;
}
