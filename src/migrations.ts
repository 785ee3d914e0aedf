/** Which migrations this build needs: its own, and those of third-party plugins, each with its own history. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createMigrator, type Migrator } from '../db/migrator.ts';
import { historyOf } from './kernel/claims.ts';
import { broken, type Diagnosis, type Log, type Plugin, warning } from './kernel/plugin.ts';
import type { Database } from './kernel/store.ts';
import { packageRoot } from './package-root.ts';
import type { DatabaseConnection } from './storage/connection-settings.ts';
import { openDatabase } from './storage/database.ts';

/** sequelize-cli's own history table, so that both read the same. */
const CORE_HISTORY = 'SequelizeMeta';

/** Whose history it is: `core`, or the name of a plugin. */
export type OwnedMigrator = Migrator & { readonly owner: string };

/** Runs `work` with the migrators of the core and of all plugins, on a connection without a time limit. */
export async function withMigrators<Result>(
  {
    connection,
    plugins,
    log,
  }: { connection: DatabaseConnection; plugins: readonly Plugin[]; log: Log },
  work: (migrators: readonly [OwnedMigrator, ...OwnedMigrator[]]) => Promise<Result>,
): Promise<Result> {
  const database = openDatabase({ connection, poolSize: 3, log, statementTimeout: 0 });
  try {
    return await work(migratorsOn(database.orm, plugins, log));
  } finally {
    await database.close();
  }
}

function migratorsOn(
  orm: Database['orm'],
  plugins: readonly Plugin[],
  log: Log,
): [OwnedMigrator, ...OwnedMigrator[]] {
  const migrator = (owner: string, folder: string, table: string): OwnedMigrator => ({
    owner,
    ...createMigrator(orm, { folder, table, log }),
  });
  const others = plugins.flatMap(({ name, migrations }) => {
    const table = `${CORE_HISTORY}_${historyOf(name)}`;
    return migrations ? [migrator(name, fileURLToPath(migrations), table)] : [];
  });
  return [migrator('core', join(packageRoot(), 'db', 'migrations'), CORE_HISTORY), ...others];
}

/** `mayApply`: the next start applies what is pending. */
export function diagnoseMigrations(
  { db, plugins, log }: { db: Database; plugins: readonly Plugin[]; log: Log },
  mayApply: boolean,
): Diagnosis {
  const migrators = migratorsOn(db.orm, plugins, log);
  return {
    name: 'migrations',
    readiness: true,
    async check() {
      const pending = (await Promise.all(migrators.map((one) => one.pending()))).flat();
      if (pending.length === 0) return [];
      const problem = `The database lacks ${pending.length} migrations: ${pending.join(', ')}.`;
      return mayApply
        ? [warning(problem, 'Start the server: it applies them.')]
        : [broken(problem, 'Run "authsrv migrate up": until then no node starts.')];
    },
  };
}

/** The database is older than this build and may not be migrated by itself. */
export class PendingMigrations extends Error {
  override readonly name = 'PendingMigrations';
}

/** Applies what is pending, or throws PendingMigrations that names it. */
export async function ensureMigrated(
  options: { connection: DatabaseConnection; plugins: readonly Plugin[]; log: Log },
  mayApply: boolean,
): Promise<void> {
  await withMigrators(options, async (migrators) => {
    for (const migrator of migrators) {
      const pending = await migrator.pending();
      if (pending.length === 0) continue;
      if (!mayApply) {
        throw new PendingMigrations(
          `The database lacks migrations: ${pending.join(', ')}. Run "authsrv migrate up", or set MIGRATE_ON_START=true.`,
        );
      }
      const applied = await migrator.up();
      options.log.info({ event: 'database.migrated', migrations: applied }, 'migrations applied');
    }
  });
}
