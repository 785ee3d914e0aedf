/** Where the PostgreSQL database is: a URL, or its parts (a host that begins with `/` is a socket folder). */
import type { ClientConfig } from 'pg';
import { parseIntoClientConfig } from 'pg-connection-string';

export interface ConnectionUrl {
  /** `postgres://user:password@host:5432/name?sslmode=verify-full`, or with `?host=/socket/folder`. */
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
  if (!('connectionString' in connection)) return { ...connection };
  return parseIntoClientConfig(connection.connectionString);
}

/** The same as Sequelize's constructor takes it; TLS and the rest go through `dialectOptions`. */
export function sequelizeConnection(connection: DatabaseConnection) {
  const { host, port, user, password, database, ...rest } = clientConfig(connection);
  return {
    dialect: 'postgres' as const,
    // Sequelize would fill in localhost and 5432 by itself, but types want no undefined.
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    ...(user === undefined ? {} : { username: user }),
    ...(database === undefined ? {} : { database }),
    ...(typeof password === 'string' ? { password } : {}),
    dialectOptions: rest,
  };
}
