import { join } from 'node:path';
import type { Command as Program } from 'commander';
import { createMigrationFile } from '../../db/migrator.ts';
import { CommandError, type Log } from '../kernel/plugin.ts';
import { StoreUnavailable } from '../kernel/store.ts';
import type { Loaded } from '../load-settings.ts';
import { type OwnedMigrator, withMigrators } from '../migrations.ts';
import { packageRoot } from '../package-root.ts';
import { systemClock } from '../system.ts';
import { createCommandLog } from './command-log.ts';
import { openStorageBriefly } from './open-storage-briefly.ts';

type Migrators = readonly [OwnedMigrator, ...OwnedMigrator[]];

type Work = (migrators: Migrators, log: Log) => Promise<Outcome>;

/** What a person reads, and the same for `--json`. */
interface Outcome {
  readonly lines: readonly string[];
  readonly json: object;
}

const JSON_OPTION = ['--json', 'print JSON'] as const;

/** `migrate up|down|status|new`; sequelize-cli reads and writes the same history. */
export function addMigrateCommands(program: Program, loaded: Promise<Loaded>): void {
  const migrate = program.command('migrate');
  const add = (name: string, summary: string, work: Work) =>
    migrate
      .command(name)
      .description(summary)
      .option(...JSON_OPTION)
      .action(async (options: { json?: boolean }) => print(await run(loaded, work), options));

  add('up', 'apply all pending migrations', up);
  add('status', 'list applied and pending migrations', status);
  migrate
    .command('down')
    .description('revert the last migration of the core, or of a plugin')
    .option('--plugin <name>', 'the plugin')
    .option(...JSON_OPTION)
    .action(async (options: { json?: boolean; plugin?: string }) => {
      const { plugin = 'core' } = options;
      print(await run(loaded, (migrators, log) => down(migrators, log, plugin)), options);
    });
  migrate
    .command('new')
    .argument('<name>', 'what it does, in kebab-case')
    .description('write an empty migration into db/migrations')
    .option(...JSON_OPTION)
    .action(async (name: string, options: { json?: boolean }) => {
      const folder = join(packageRoot(), 'db', 'migrations');
      const file = await clearly(() => createMigrationFile(folder, name, systemClock));
      print({ lines: [file], json: { file } }, options);
    });
}

function print({ lines, json }: Outcome, options: { readonly json?: boolean }): void {
  const text = options.json ? JSON.stringify(json, undefined, 2) : lines.join('\n');
  process.stdout.write(`${text}\n`);
}

/** The core's first: migrations of plugins may build on its tables. */
async function up(migrators: Migrators, log: Log): Promise<Outcome> {
  const applied: string[] = [];
  for (const migrator of migrators) applied.push(...(await migrator.up()));
  if (applied.length > 0)
    log.info({ event: 'database.migrated', migrations: applied }, 'migrations applied');
  const lines = applied.map((name) => `applied ${name}`);
  return { lines: lines.length > 0 ? lines : ['nothing to do'], json: { applied } };
}

async function down(migrators: Migrators, log: Log, owner: string): Promise<Outcome> {
  const migrator = migrators.find((one) => one.owner === owner);
  if (!migrator) throw new CommandError(`No plugin "${owner}" with migrations is installed.`);
  const reverted = await migrator.down();
  if (reverted.length > 0)
    log.info({ event: 'database.reverted', migrations: reverted }, 'migrations reverted');
  const lines = reverted.map((name) => `reverted ${name}`);
  return { lines: lines.length > 0 ? lines : ['nothing to do'], json: { reverted } };
}

async function status(migrators: Migrators): Promise<Outcome> {
  const applied: string[] = [];
  const pending: string[] = [];
  const lines: string[] = [];
  for (const migrator of migrators) {
    const [done, due] = [await migrator.executed(), await migrator.pending()];
    applied.push(...done);
    pending.push(...due);
    const of = migrator.owner === 'core' ? '' : `  (${migrator.owner})`;
    lines.push(...done.map((name) => `applied  ${name}${of}`));
    lines.push(...due.map((name) => `pending  ${name}${of}`));
  }
  return { lines, json: { applied, pending } };
}

async function run(loaded: Promise<Loaded>, work: Work): Promise<Outcome> {
  const { config, plugins } = await loaded;
  const log = createCommandLog(config.LOG_LEVEL);
  const storage = await openStorageBriefly({ config, poolSize: 2, log, databaseOnly: true });
  try {
    const { connection } = storage;
    return await clearly(() =>
      withMigrators({ connection, plugins, log }, (migrators) => work(migrators, log)),
    );
  } finally {
    await storage.close();
  }
}

/** The migrator says what is wrong in plain errors: a bad name, a statement that failed in a named migration. */
async function clearly<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StoreUnavailable) throw error;
    throw new CommandError((error as Error).message, { cause: error });
  }
}
