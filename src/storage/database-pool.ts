/** Takes raw pg clients out of Sequelize's pool, runs prepared statements on them, and puts them back if they still work. */
import type { Client } from 'pg';
import type { Sequelize } from 'sequelize';
import type { Log } from '../kernel/plugin.ts';
import type { Statement } from '../kernel/store.ts';
import { asUnavailable, connectionLost, endsSession, isStalePlan } from './database-failures.ts';
import type { DatabaseSessions } from './database-sessions.ts';

export interface DatabasePool {
  acquire(): Promise<Client>;
  giveBack(client: Client): void;
  run<Row extends object>(client: Client, statement: Statement, values: unknown[]): Promise<Row[]>;
  readonly use: PoolUse;
}

/** Connections of this process at the moment. */
export interface PoolUse {
  open(): number;
  busy(): number;
  /** Callers that wait for one. */
  waiting(): number;
}

/** What Sequelize's connection manager keeps, left out of its types. */
interface Counts {
  readonly size: number;
  readonly using: number;
  readonly waiting: number;
}

export function createDatabasePool(
  orm: Sequelize,
  sessions: DatabaseSessions,
  log: Log,
): DatabasePool {
  const pool = orm.connectionManager;
  const { pool: counts } = pool as unknown as { readonly pool: Counts };

  function replace(client: Client): void {
    if (!sessions.isAlive(client)) sessions.cut(client);
    pool.destroyConnection(client).catch((error: Error) => {
      log.warn({ event: 'database.disconnect_failed', reason: error.message }, 'disconnect failed');
    });
  }

  return {
    async acquire() {
      try {
        return (await pool.getConnection({ type: 'write' })) as Client;
      } catch (error) {
        throw asUnavailable(error);
      }
    },
    giveBack(client) {
      if (sessions.isReusable(client)) pool.releaseConnection(client);
      else replace(client);
    },
    async run<Row extends object>(client: Client, statement: Statement, values: unknown[]) {
      if (!sessions.isAlive(client)) throw connectionLost();
      try {
        return (await client.query<Row>({ ...statement, values })).rows;
      } catch (error) {
        if (endsSession(error)) sessions.end(client);
        if (isStalePlan(error)) sessions.outdateAll();
        throw asUnavailable(error);
      }
    },
    use: {
      open: () => counts.size,
      busy: () => counts.using,
      waiting: () => counts.waiting,
    },
  };
}
