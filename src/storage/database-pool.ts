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
}

export function createDatabasePool(
  orm: Sequelize,
  sessions: DatabaseSessions,
  log: Log,
): DatabasePool {
  const pool = orm.connectionManager;

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
  };
}
