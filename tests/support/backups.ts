/** A PostgreSQL whose database can be saved and put back by the tools that operators use. */
import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { createMigrator } from '../../db/migrator.ts';
import { openDatabase } from '../../src/storage/database.ts';
import type { TestDatabase } from './database.ts';
import { isExecutable } from './find-on-path.ts';
import { silentLog } from './log.ts';
import { debianFolders, startPostgresOf } from './private-postgres.ts';
import { makeScratchFolder } from './scratch-folder.ts';

const run = promisify(execFile);
const MIGRATIONS = path.join(import.meta.dirname, '../../db/migrations');

export interface BackedUpDatabase extends TestDatabase {
  /** `pg_dump`. */
  backUp(): Promise<void>;
  /** `pg_restore` of the last backup, in place of what is there. */
  restore(): Promise<void>;
}

/** Migrated. Undefined where no PostgreSQL comes with its tools. */
export async function startBackedUpDatabase(): Promise<BackedUpDatabase | undefined> {
  const folder = await folderWithTools();
  if (folder === undefined) return undefined;
  const server = await startPostgresOf(async () => ({ folder }));
  const connection = { connectionString: server.url };
  const database = openDatabase({ connection, poolSize: 2, log: silentLog, statementTimeout: 0 });
  await createMigrator(database.orm, { folder: MIGRATIONS, table: 'SequelizeMeta' }).up();
  const backups = await makeScratchFolder('backup-');
  const file = path.join(backups, 'auth.dump');
  const tool = (name: string, ...args: string[]) =>
    run(path.join(folder, name), [...args, '--dbname', server.url]);
  return {
    url: server.url,
    database,
    backUp: async () => void (await tool('pg_dump', '--format=custom', '--file', file)),
    async restore() {
      // As a database made anew: "--clean" stumbles over partitions.
      await database.query({ name: 'test-empty', text: 'DROP SCHEMA public CASCADE' }, []);
      await database.query({ name: 'test-schema', text: 'CREATE SCHEMA public' }, []);
      await tool('pg_restore', '--single-transaction', file);
    },
    async drop() {
      await database.close();
      await server.stop();
      await rm(backups, { recursive: true, force: true });
    },
  };
}

async function folderWithTools(): Promise<string | undefined> {
  for (const folder of await debianFolders()) {
    const all = ['postgres', 'initdb', 'pg_dump', 'pg_restore'].map((name) =>
      isExecutable(path.join(folder, name)),
    );
    if ((await Promise.all(all)).every(Boolean)) return folder;
  }
  return undefined;
}
