/** A fresh, migrated database for one test file: a copy of a template that is migrated once. */
import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { Client } from 'pg';
import { createMigrator } from '../../db/migrator.ts';
import { type OpenDatabase, openDatabase } from '../../src/storage/database.ts';
import { silentLog } from './log.ts';
import { postgresUrl } from './service-urls.ts';

const MIGRATIONS = path.join(import.meta.dirname, '../../db/migrations');
/** Any number: makers of a template take turns. */
const LOCK = 7_263_548;

export interface TestDatabase {
  readonly url: string;
  readonly database: OpenDatabase;
  /** Closes `database` and drops it, whoever else is connected. */
  drop(): Promise<void>;
}

export interface TestDatabaseOptions {
  readonly poolSize?: number;
  /** True: without any table. */
  readonly empty?: boolean;
  /** Another PostgreSQL than that of the test run. */
  readonly server?: string;
}

/** Each caller gets a database of its own. */
export async function createTestDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const { poolSize = 5, empty = false, server = postgresUrl() } = options;
  const name = `auth_test_${randomUUID().replaceAll('-', '')}`;
  await asAdmin(server, async (admin) => {
    const template = empty ? 'template0' : await migratedTemplate(admin, server);
    await admin.query(`CREATE DATABASE ${name} TEMPLATE ${template}`);
  });
  const url = urlOf(server, name);
  const database = openDatabase({
    connection: { connectionString: url },
    poolSize,
    log: silentLog,
  });
  return {
    url,
    database,
    async drop() {
      await database.close();
      await asAdmin(server, (admin) => admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
    },
  };
}

/** Not by `URL`, which cannot read a socket's `postgres://user@/name?host=/folder`. */
const urlOf = (server: string, database: string): string =>
  server.replace(/^(\w+:\/\/[^/?]*)[^?]*/, `$1/${database}`);

async function asAdmin(server: string, work: (admin: Client) => Promise<unknown>): Promise<void> {
  const admin = new Client({ connectionString: server });
  await admin.connect();
  try {
    await work(admin);
  } finally {
    await admin.end();
  }
}

/** Named after what the migrations say, so that a changed migration makes a new template. */
async function migratedTemplate(admin: Client, server: string): Promise<string> {
  const template = `auth_template_${await migrationsHash()}`;
  if (await exists(admin, template)) return template;
  await admin.query('SELECT pg_advisory_lock($1)', [LOCK]);
  try {
    if (!(await exists(admin, template))) await makeTemplate(admin, server, template);
  } finally {
    await admin.query('SELECT pg_advisory_unlock($1)', [LOCK]);
  }
  return template;
}

async function exists(admin: Client, name: string): Promise<boolean> {
  const found = await admin.query('SELECT FROM pg_database WHERE datname = $1', [name]);
  return found.rowCount === 1;
}

/** Under its final name only when complete: a run that was killed half-way leaves nothing to copy. */
async function makeTemplate(admin: Client, server: string, template: string): Promise<void> {
  const draft = `${template}_draft`;
  await admin.query(`DROP DATABASE IF EXISTS ${draft} WITH (FORCE)`);
  await admin.query(`CREATE DATABASE ${draft} TEMPLATE template0`);
  const connection = { connectionString: urlOf(server, draft) };
  const database = openDatabase({ connection, poolSize: 2, log: silentLog, statementTimeout: 0 });
  try {
    await createMigrator(database.orm, { folder: MIGRATIONS, table: 'SequelizeMeta' }).up();
  } finally {
    await database.close();
  }
  await renameWhenLeft(admin, draft, template);
}

/** The server ends a session a moment after its client left. */
async function renameWhenLeft(admin: Client, from: string, to: string): Promise<void> {
  await admin.query(
    'SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1',
    [from],
  );
  await admin.query(`ALTER DATABASE ${from} RENAME TO ${to}`);
}

async function migrationsHash(): Promise<string> {
  const hash = createHash('sha256');
  for (const file of (await readdir(MIGRATIONS)).sort()) {
    hash.update(file).update(await readFile(path.join(MIGRATIONS, file)));
  }
  return hash.digest('hex').slice(0, 12);
}
