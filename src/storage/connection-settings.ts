/** Where the PostgreSQL database is: a URL, or its parts (a host that begins with `/` is a socket folder). */
import type { ClientConfig } from 'pg';
import { parseDatabaseUrl } from './database-url.ts';

export interface ConnectionUrl {
  /** See `parseDatabaseUrl`. */
  readonly connectionString: string;
}

export interface ConnectionParts {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly password?: string;
}

export type DatabaseConnection = ConnectionUrl | ConnectionParts;

/** What pg's `Client` takes; one parser for the pool, the listener, the migrator and sequelize-cli. */
export function clientConfig(connection: DatabaseConnection): ClientConfig {
  if ('connectionString' in connection) return parseDatabaseUrl(connection.connectionString).config;
  // PGSSLMODE would ask a socket for TLS.
  return { ...connection, ...(connection.host.startsWith('/') ? { ssl: false } : {}) };
}

/** The same as Sequelize's constructor takes it; TLS and the rest go through `dialectOptions`. */
export function sequelizeConnection(connection: DatabaseConnection) {
  const { host, port, user, password, database, ...rest } = clientConfig(connection);
  return {
    dialect: 'postgres' as const,
    // Types want no undefined.
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    ...(user === undefined ? {} : { username: user }),
    ...(database === undefined ? {} : { database }),
    ...(typeof password === 'string' ? { password } : {}),
    dialectOptions: rest,
  };
}
