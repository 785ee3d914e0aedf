/** The PostgreSQL connection behind the kernel's `Database` port. */
import type { Log } from '../kernel/plugin.ts';
import type { Database, Statement } from '../kernel/store.ts';
import type { DatabaseConnection } from './connection-settings.ts';
import { isRolledBackConflict, isStalePlan } from './database-failures.ts';
import { createDatabasePool, type PoolUse } from './database-pool.ts';
import { createDatabaseSessions } from './database-sessions.ts';
import { inTransaction } from './database-transaction.ts';
import { clientOf, createOrm } from './orm.ts';
import { within } from './within.ts';

const STATEMENT_TIMEOUT = 5_000;
/** Milliseconds: for statements under way at `close`, and again for their failure. */
const CLOSING = 2_000;
const TRANSACTION_RETRIES = 2;
const PING: Statement = { name: 'ping', text: 'SELECT 1' };

export interface DatabaseOptions {
  readonly connection: DatabaseConnection;
  readonly poolSize: number;
  readonly log: Log;
  /** Milliseconds for one statement, 5,000 unless told; 0 is no limit, for migrations. */
  readonly statementTimeout?: number;
}

export interface OpenDatabase extends Database {
  /** Resolves when PostgreSQL answers; throws `StoreUnavailable` otherwise. */
  ping(): Promise<void>;
  readonly poolUse: PoolUse;
  /** Lets running statements end for 2 s, then cuts them. */
  close(): Promise<void>;
}

/** Opens no connection yet: the first statement does. */
export function openDatabase(options: DatabaseOptions): OpenDatabase {
  const { log, statementTimeout = STATEMENT_TIMEOUT } = options;
  const sessions = createDatabaseSessions((reason) =>
    log.warn({ event: 'database.connection_lost', reason: reason.message }, 'connection lost'),
  );
  const orm = createOrm({ ...options, statementTimeout }, sessions);
  const pool = createDatabasePool(orm, sessions, log);

  async function runOnce<Row extends object>(statement: Statement, values: unknown[]) {
    const client = await pool.acquire();
    try {
      return await pool.run<Row>(client, statement, values);
    } finally {
      pool.giveBack(client);
    }
  }

  const query: Database['query'] = async (statement, values, transaction) => {
    if (transaction) return pool.run(clientOf(transaction), statement, [...values]);
    try {
      return await runOnce(statement, [...values]);
    } catch (error) {
      // Refused before it ran, so running it again on a fresh connection is no second execution.
      if (isStalePlan(error)) return runOnce(statement, [...values]);
      throw error;
    }
  };

  const onHookFault = (error: unknown): void =>
    log.error(
      { event: 'transaction.hook_failed', err: error },
      'what was to follow a commit failed; the commit stands',
    );

  const transaction: Database['transaction'] = async (work) => {
    for (let retries = 0; ; retries += 1) {
      try {
        return await inTransaction({ orm, sessions, ...pool, onHookFault }, work);
      } catch (error) {
        const again = isRolledBackConflict(error) || isStalePlan(error);
        if (!again || retries === TRANSACTION_RETRIES) throw error;
        log.info({ event: 'transaction.retried', retries }, 'transaction run again');
      }
    }
  };

  return {
    orm,
    query,
    transaction,
    poolUse: pool.use,
    async ping() {
      await query(PING, []);
    },
    async close() {
      const closed = orm.close();
      if (await within(closed, CLOSING)) return;
      sessions.cutAll();
      if (await within(closed, CLOSING)) return;
      log.warn({ event: 'database.close_incomplete' }, 'a transaction was still open at the end');
    },
  };
}
