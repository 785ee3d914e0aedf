/** The one pool: a Sequelize whose failures to reach PostgreSQL are `StoreUnavailable`. */
import type { Client } from 'pg';
import { type Options, Sequelize, type Transaction } from 'sequelize';
import { type DatabaseConnection, sequelizeConnection } from './connection-settings.ts';
import { asUnavailable, connectionLost } from './database-failures.ts';
import type { DatabaseSessions } from './database-sessions.ts';
import { beginSession } from './session-settings.ts';

/** All in milliseconds. */
const ACQUIRE = 2_000;
const CONNECT = 2_000;
const IDLE = 60_000;
const IDLE_CHECK = 5_000;
/** How much longer than PostgreSQL we wait for its own statement timeout, before the link counts as dead. */
const GRACE = 1_000;

export interface OrmOptions {
  readonly connection: DatabaseConnection;
  readonly poolSize: number;
  /** Milliseconds one statement, or an idle transaction, may take; 0 is no limit. */
  readonly statementTimeout: number;
}

/** The connection a Sequelize transaction runs on. */
export const clientOf = (transaction: Transaction): Client =>
  (transaction as unknown as { readonly connection: Client }).connection;

const answerTimeout = (statementTimeout: number) =>
  statementTimeout === 0 ? {} : { query_timeout: statementTimeout + GRACE };

export function createOrm(options: OrmOptions, sessions: DatabaseSessions): Sequelize {
  const { dialectOptions, ...where } = sequelizeConnection(options.connection);
  const settings: Options & { databaseVersion: string; keepDefaultTimezone: true } = {
    ...where,
    // The floor. Left out, Sequelize opens one more connection, outside the pool, to ask.
    databaseVersion: '15.0.0',
    logging: false,
    // Ours come in `beginSession`, in one round trip.
    keepDefaultTimezone: true,
    pool: {
      max: options.poolSize,
      acquire: ACQUIRE,
      idle: IDLE,
      evict: IDLE_CHECK,
      validate: (client) => sessions.isReusable(client as Client),
    },
    dialectOptions: {
      application_name: 'auth-service',
      connectionTimeoutMillis: CONNECT,
      ...dialectOptions,
      keepAlive: true,
      clientMinMessages: 'ignore',
      ...answerTimeout(options.statementTimeout),
    },
  };
  const orm = new Sequelize(settings);
  orm.addHook('afterConnect', async (connection) => {
    const client = connection as Client;
    sessions.add(client);
    await beginSession(client, options.statementTimeout);
  });
  return translateFailures(orm, sessions);
}

/** Every ORM call ends in `query` or takes a connection itself, so these two places see all failures. */
function translateFailures(orm: Sequelize, sessions: DatabaseSessions): Sequelize {
  const query = orm.query.bind(orm) as (sql: unknown, options?: QueryOptions) => Promise<unknown>;
  const translated = async (sql: unknown, options?: QueryOptions) => {
    refuseDead(sessions, options?.transaction);
    return query(sql, options).catch(rethrow);
  };
  orm.query = translated as typeof orm.query;

  const pool = orm.connectionManager;
  const getConnection = pool.getConnection.bind(pool);
  pool.getConnection = (options) => getConnection(options).catch(rethrow);
  return orm;
}

interface QueryOptions {
  readonly transaction?: Transaction | null;
}

/** A dead connection would let each statement of a transaction wait for its own timeout. */
function refuseDead(sessions: DatabaseSessions, transaction?: Transaction | null): void {
  if (transaction && !sessions.isAlive(clientOf(transaction))) {
    throw connectionLost();
  }
}

function rethrow(error: unknown): never {
  throw asUnavailable(error);
}
