/**
 * What each of our sessions says of itself, whatever the database, the role, the URL's `options` or PGOPTIONS say: told after
 * connecting, since poolers refuse most settings in the greeting (PgBouncer takes five names there).
 */
import type { Client } from 'pg';

/** How values are written and read, and what statements mean. */
const LANGUAGE = {
  client_encoding: 'UTF8',
  datestyle: 'ISO, MDY',
  intervalstyle: 'postgres',
  timezone: 'UTC',
  bytea_output: 'hex',
  extra_float_digits: '1',
  standard_conforming_strings: 'on',
  array_nulls: 'on',
  transform_null_equals: 'off',
  quote_all_identifiers: 'off',
  client_min_messages: 'warning',
  row_security: 'on',
  exit_on_error: 'off',
  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
};

/** Milliseconds for the answer. */
const PATIENCE = 5_000;

/**
 * Milliseconds that one statement, or an idle transaction, may take; 0 is no limit, for migrations: `lock_timeout` is then the
 * operator's, whom it keeps from holding up everybody else.
 */
function limits(statementTimeout: number): Readonly<Record<string, string>> {
  return {
    statement_timeout: String(statementTimeout),
    idle_in_transaction_session_timeout: String(statementTimeout),
    idle_session_timeout: '0',
    // PostgreSQL 17 and newer.
    transaction_timeout: '0',
    ...(statementTimeout === 0 ? {} : { lock_timeout: '0' }),
  };
}

/**
 * An acknowledged commit is on the disk (I2), so `off` becomes `local`, which waits for no standby; anything else is stronger.
 * What this PostgreSQL does not know is left out.
 */
function sessionStatement(statementTimeout: number): string {
  const settings = Object.entries({ ...LANGUAGE, ...limits(statementTimeout) });
  const wanted = settings.map(([name, value]) => `('${name}', '${value}')`).join(', ');
  return `SELECT pg_catalog.set_config(name, value, false) FROM (VALUES ${wanted}, ('synchronous_commit',
    CASE pg_catalog.current_setting('synchronous_commit') WHEN 'off' THEN 'local'
    ELSE pg_catalog.current_setting('synchronous_commit') END)) AS wanted (name, value)
    WHERE pg_catalog.current_setting(name, true) IS NOT NULL`;
}

/** One round trip on a connection that was just made. A failure closes it. */
export async function beginSession(client: Client, statementTimeout = 0): Promise<void> {
  const query = { text: sessionStatement(statementTimeout), query_timeout: PATIENCE };
  // Whoever uses it listens a moment later; a loss before that is told by the statement.
  client.on('error', () => undefined);
  try {
    await client.query(query);
  } catch (error) {
    // It may hang: what matters is that its socket is let go.
    client.end().catch(() => undefined);
    throw error;
  }
}
