/** Tells a pooler that hands out another session for each transaction or statement, before anything is said through it. */
import { Client } from 'pg';
import { StoreUnavailable } from '../kernel/store.ts';
import { clientConfig, type DatabaseConnection } from './connection-settings.ts';
import { UnsuitableDatabase } from './database-failures.ts';
import { within } from './within.ts';

/** Milliseconds, for a connection and for each answer. */
const PATIENCE = 2_000;
/** In each, two connections are asked twice whose session they are. */
const ROUNDS = 3;

/** A setting of nobody: a proxy that keeps a session together once it has one (RDS Proxy pins it) does so from then on. */
const MARK = `SELECT pg_catalog.set_config('auth_service.probe', 'on', false),
  (SELECT count(*)::int FROM pg_catalog.pg_prepared_statements) AS leftovers`;
/** The process behind a connection: no two at one time have the same, on several servers neither. */
const WHO = `SELECT pg_catalog.pg_backend_pid() || '@'
  || pg_catalog.date_part('epoch', pg_catalog.pg_postmaster_start_time()) AS who`;

const SHARED = {
  problem:
    'PostgreSQL is behind a pooler that gives each transaction another session (pool_mode = transaction or statement).',
  fix: 'Set pool_mode = session there, or let DATABASE_URL lead past it.',
};
const UNCLEAN = {
  problem:
    'PostgreSQL is behind a pooler that hands out sessions with what others left in them, prepared statements for one.',
  fix: 'Set server_reset_query = DISCARD ALL there (or what it calls that), or let DATABASE_URL lead past it.',
};

/**
 * Throws `UnsuitableDatabase` when sessions are shared, which two things prove: two open connections are one session, or one
 * connection is another session than before. Neither can be without such a pooler. Throws `StoreUnavailable` when PostgreSQL
 * cannot be reached. Whatever else fails proves nothing.
 */
export async function refuseSharedSessions(connection: DatabaseConnection): Promise<void> {
  const one = await open(connection);
  const other = await open(connection).catch(() => undefined);
  try {
    const fault = other && (await judge(one, other).catch(() => undefined));
    if (fault) throw new UnsuitableDatabase(fault);
  } finally {
    // The pool may need their places.
    await within(Promise.allSettled([one.end(), other?.end()]), PATIENCE);
  }
}

async function judge(one: Client, other: Client): Promise<typeof SHARED | undefined> {
  const marked = await Promise.all([one, other].map((client) => ask<Mark>(client, MARK)));
  if (await areShared(one, other)) return SHARED;
  return marked.some((mark) => (mark?.leftovers ?? 0) > 0) ? UNCLEAN : undefined;
}

async function areShared(one: Client, other: Client): Promise<boolean> {
  const seen = new Map<Client, string>();
  for (let round = 0; round < ROUNDS; round += 1) {
    // Twice in a row: turns of two servers would else meet each connection with the same one again.
    for (const client of [one, other, other, one]) {
      const before = seen.get(client);
      const now = (await ask<{ who: string | null }>(client, WHO))?.who;
      if (!now) return false;
      seen.set(client, now);
      const isAnother = before !== undefined && before !== now;
      if (isAnother || seen.get(one) === seen.get(other)) return true;
    }
  }
  return false;
}

interface Mark {
  readonly leftovers: number;
}

const ask = async <Row extends object>(client: Client, sql: string): Promise<Row | undefined> =>
  (await client.query<Row>(sql)).rows[0];

async function open(connection: DatabaseConnection): Promise<Client> {
  const client = new Client({
    connectionTimeoutMillis: PATIENCE,
    ...clientConfig(connection),
    application_name: 'auth-service-probe',
    query_timeout: PATIENCE,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return client;
  } catch (error) {
    const { message } = error as Error;
    // Words of PgBouncer, whose code says nothing.
    if (message.startsWith('unsupported startup parameter')) throw refusedParameter(message);
    throw new StoreUnavailable('PostgreSQL did not answer', { cause: error });
  }
}

const refusedParameter = (message: string) =>
  new UnsuitableDatabase({
    problem: `The pooler before PostgreSQL says "${message}".`,
    fix: 'Take it out of DATABASE_URL and PGOPTIONS, or let the pooler pass it (ignore_startup_parameters of PgBouncer).',
  });
