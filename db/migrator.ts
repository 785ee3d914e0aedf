/** Migrations in process, as sequelize-cli runs them: same files, same history. */
import { access, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { Client, type ClientConfig } from 'pg';
import { type QueryInterface, Sequelize } from 'sequelize';
import { type MigrationParams, type RunnableMigration, Umzug } from 'umzug';
import type { Clock } from '../src/kernel/clock.ts';
import type { Log } from '../src/kernel/plugin.ts';
import { beginSession } from '../src/storage/session-settings.ts';
import { createMigrationHistory } from './migration-history.ts';
import { takeMigrationLock } from './migration-lock.ts';

export interface MigratorOptions {
  /** Folder with the migration files. */
  readonly folder: string;
  /** Where the history is kept; sequelize-cli's own is `SequelizeMeta`. A third-party plugin brings its own. */
  readonly table: string;
  readonly log?: Log;
  readonly clock?: Clock;
}

/** Names are file names. */
export interface Migrator {
  /** What this build has and the history has not, in order. */
  pending(): Promise<string[]>;
  /** The history, also of migrations that this build does not have. */
  executed(): Promise<string[]>;
  /** Applies all pending migrations; answers which. */
  up(): Promise<string[]>;
  /** Reverts the last migration; answers which. Refuses below one that this build does not have. */
  down(): Promise<string[]>;
  /** Writes an empty migration `<time>-<name>.js`; answers its path. */
  create(name: string): Promise<string>;
}

interface MigrationFile {
  up(queryInterface: QueryInterface, sequelize: typeof Sequelize): Promise<void>;
  down?(queryInterface: QueryInterface, sequelize: typeof Sequelize): Promise<void>;
}

/** `orm` should have no statement timeout for `up` and `down` (`openDatabase({ statementTimeout: 0 })`). */
export function createMigrator(orm: Sequelize, options: MigratorOptions): Migrator {
  const { folder, table, log, clock = { now: Date.now } } = options;
  const history = createMigrationHistory(orm, table);
  const umzug = new Umzug({
    storage: history,
    context: orm.getQueryInterface(),
    migrations: { glob: ['*.{js,cjs,mjs}', { cwd: folder }], resolve: runnable },
    logger: undefined,
  });
  const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name);

  async function alone<Result>(work: () => Promise<Result>): Promise<Result> {
    const client = await openLockClient(orm);
    client.on('error', (error) => {
      log?.error(
        { event: 'migration.lock_lost', reason: error.message },
        'no longer the only migrator',
      );
    });
    try {
      const onWait = () => log?.info({ event: 'migration.waiting' }, 'another migrator is running');
      await takeMigrationLock(client, { sleep: delay, onWait });
      return await work();
    } finally {
      await client.end();
    }
  }

  return {
    pending: async () => names(await umzug.pending()),
    executed: () => history.executed(),
    up: () => alone(async () => names(await umzug.up())),
    down: () =>
      alone(async () => {
        const last = (await umzug.executed()).at(-1)?.name;
        const newest = (await history.executed()).at(-1);
        if (last !== newest) throw new Error(`Cannot revert ${last}: ${newest} ran after it`);
        return names(await umzug.down());
      }),
    create: (name) => createMigrationFile(folder, name, clock),
  };
}

/** Third-party files may be CommonJS or ESM, which `import` reads both. */
function runnable({ name, path: file, context }: MigrationParams<QueryInterface>) {
  const load = async () => {
    const module: Partial<MigrationFile> & { default?: MigrationFile } = await import(
      pathToFileURL(file ?? name).href
    );
    const migration = module.default ?? module;
    if (!migration.up) throw new Error(`${name} exports no function "up"`);
    return migration as MigrationFile;
  };
  const migration: RunnableMigration<QueryInterface> = {
    name,
    up: async () => (await load()).up(context, Sequelize),
    down: async () => {
      const { down } = await load();
      if (!down) throw new Error(`${name} cannot be reverted: it exports no function "down"`);
      await down(context, Sequelize);
    },
  };
  return migration;
}

/** A session of its own: the lock ends with it, even after kill -9. */
async function openLockClient(orm: Sequelize): Promise<Client> {
  const { host, port, username, password, database, dialectOptions } = orm.config as OrmConfig;
  const client = new Client({
    ...dialectOptions,
    host,
    port: Number(port),
    user: username,
    password: password ?? undefined,
    database,
    application_name: 'auth-service-migrator',
  });
  await client.connect();
  await beginSession(client);
  return client;
}

interface OrmConfig {
  readonly host: string;
  readonly port: string | number;
  readonly username: string | undefined;
  readonly password: string | null;
  readonly database: string | undefined;
  readonly dialectOptions?: ClientConfig;
}

const TEMPLATE = `module.exports = {
  async up(queryInterface) {
    await queryInterface.sequelize.query('');
  },

  async down(queryInterface) {
    await queryInterface.sequelize.query('');
  },
};
`;

/** Writes an empty migration `<time>-<name>.js`; answers its path. Throws an Error for a name that is not kebab-case. */
export async function createMigrationFile(
  folder: string,
  name: string,
  clock: Clock,
): Promise<string> {
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name)) {
    throw new Error(`A migration is named in kebab-case, not "${name}"`);
  }
  const time = new Date(clock.now()).toISOString().replace(/\D/g, '').slice(0, 14);
  const file = path.join(folder, `${time}-${name}.js`);
  await ensureCommonJs(folder);
  await writeFile(file, TEMPLATE, { flag: 'wx' });
  return file;
}

/** Inside an ESM package `.js` would be ESM, which sequelize-cli cannot load. */
async function ensureCommonJs(folder: string): Promise<void> {
  const file = path.join(folder, 'package.json');
  const exists = await access(file).then(
    () => true,
    () => false,
  );
  if (!exists) await writeFile(file, '{ "type": "commonjs" }\n');
}
