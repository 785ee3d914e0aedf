import { join } from 'node:path';
import type { Command as Program } from 'commander';
import { createMigrationFile, type Migrator } from '../../db/migrator.ts';
import { CommandError, type Log } from '../kernel/plugin.ts';
import { StoreUnavailable } from '../kernel/store.ts';
import type { Loaded } from '../load-settings.ts';
import { createLogger } from '../logging/logger.ts';
import { withMigrators } from '../migrations.ts';
import { packageRoot } from '../package-root.ts';
import { systemClock } from '../system.ts';
import { openStorageBriefly } from './open-storage-briefly.ts';

type Migrators = readonly [Migrator, ...Migrator[]];

/** What a person reads, and the same for `--json`. */
interface Outcome {
  readonly lines: readonly string[];
  readonly json: object;
}

const JSON_OPTION = ['--json', 'print JSON'] as const;

/** `migrate up|down|status|new`; sequelize-cli reads and writes the same history. */
export function addMigrateCommands(program: Program, loaded: Promise<Loaded>): void {
  const migrate = program.command('migrate');
  const add = (name: string, summary: string, work: (migrators: Migrators) => Promise<Outcome>) =>
    migrate
      .command(name)
      .description(summary)
      .option(...JSON_OPTION)
      .action(async (options: { json?: boolean }) => print(await run(loaded, work), options));

  add('up', 'apply all pending migrations', up);
  add('down', 'revert the last migration of the core', down);
  add('status', 'list applied and pending migrations', status);
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
async function up(migrators: Migrators): Promise<Outcome> {
  const applied: string[] = [];
  for (const migrator of migrators) applied.push(...(await migrator.up()));
  const lines = applied.map((name) => `applied ${name}`);
  return { lines: lines.length > 0 ? lines : ['nothing to do'], json: { applied } };
}

async function down([core]: Migrators): Promise<Outcome> {
  const reverted = await core.down();
  const lines = reverted.map((name) => `reverted ${name}`);
  return { lines: lines.length > 0 ? lines : ['nothing to do'], json: { reverted } };
}

async function status(migrators: Migrators): Promise<Outcome> {
  const applied: string[] = [];
  const pending: string[] = [];
  for (const migrator of migrators) {
    applied.push(...(await migrator.executed()));
    pending.push(...(await migrator.pending()));
  }
  const lines = [
    ...applied.map((name) => `applied  ${name}`),
    ...pending.map((name) => `pending  ${name}`),
  ];
  return { lines, json: { applied, pending } };
}

async function run(
  loaded: Promise<Loaded>,
  work: (migrators: Migrators) => Promise<Outcome>,
): Promise<Outcome> {
  const { config, plugins } = await loaded;
  const log: Log = createLogger({ level: 'error', destination: process.stderr });
  const storage = await openStorageBriefly({ config, poolSize: 2, log, databaseOnly: true });
  try {
    const { connection } = storage;
    return await clearly(() => withMigrators({ connection, plugins, log }, work));
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
