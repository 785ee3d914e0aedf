import type { Command as Program } from 'commander';
import type { Migrator } from '../../db/migrator.ts';
import type { Log } from '../kernel/plugin.ts';
import type { Loaded } from '../load-settings.ts';
import { createLogger } from '../logging/logger.ts';
import { withMigrators } from '../migrations.ts';
import { openStorage } from '../storage/open-storage.ts';

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

async function run(
  loaded: Promise<Loaded>,
  work: (migrators: readonly [Migrator, ...Migrator[]]) => Promise<void>,
): Promise<void> {
  const { config, plugins } = await loaded;
  const log: Log = createLogger({ level: 'error' });
  const storage = await openStorage({
    databaseUrl: config.DATABASE_URL,
    redisUrl: undefined,
    dataDir: config.DATA_DIR,
    poolSize: 2,
    role: 'cli',
    log,
  });
  try {
    await withMigrators({ connection: storage.connection, plugins, log }, work);
  } finally {
    await storage.close();
  }
}

/** `migrate up|down|status|new`; sequelize-cli reads and writes the same history. */
export function addMigrateCommands(program: Program, loaded: Promise<Loaded>): void {
  const migrate = program.command('migrate').description('database migrations');

  migrate
    .command('up')
    .description('apply all pending migrations')
    .action(() =>
      run(loaded, async (migrators) => {
        const applied = (await Promise.all(migrators.map((one) => one.up()))).flat();
        for (const name of applied) say(`applied ${name}`);
        if (applied.length === 0) say('nothing to do');
      }),
    );

  migrate
    .command('down')
    .description('revert the last migration of the core')
    .action(() =>
      run(loaded, async ([core]) => {
        const reverted = await core.down();
        say(reverted.length > 0 ? `reverted ${reverted.join(', ')}` : 'nothing to do');
      }),
    );

  migrate
    .command('status')
    .description('list applied and pending migrations')
    .action(() =>
      run(loaded, async (migrators) => {
        for (const one of migrators) {
          for (const name of await one.executed()) say(`up    ${name}`);
          for (const name of await one.pending()) say(`down  ${name}`);
        }
      }),
    );

  migrate
    .command('new')
    .argument('<name>', 'what it does, in kebab-case')
    .description('write an empty migration into db/migrations')
    .action((name: string) => run(loaded, async ([core]) => say(await core.create(name))));
}
