/** The database of sequelize-cli: DATABASE_URL, or else the embedded PostgreSQL, started or joined. */
const { existsSync } = require('node:fs');
const path = require('node:path');
const { setTimeout: delay } = require('node:timers/promises');

const root = path.join(__dirname, '..');

/** The source in a checkout, the build in the published package. */
function load(module) {
  const source = path.join(root, `${module}.ts`);
  return import(existsSync(source) ? source : path.join(root, 'dist', `${module}.js`));
}

async function findConnection() {
  const { readEnvironment } = await load('config/load');
  const { readSettingFiles } = await load('config/setting-files');
  const { parseSettings } = await load('config/parse-settings');
  const { ConfigError } = await load('config/config-error');
  const { coreSchema } = await load('config/schema');
  const schema = coreSchema.pick({ DATABASE_URL: true, DATA_DIR: true });
  const read = readSettingFiles(readEnvironment(), Object.keys(schema.shape));
  const { values: settings, faults } = parseSettings(schema, read.environment, 'core');
  if (read.faults.length + faults.length > 0) throw new ConfigError([...read.faults, ...faults]);
  if (settings.DATABASE_URL) return { connectionString: settings.DATABASE_URL };
  const embedded = await load('src/storage/embedded-postgres/start-embedded-postgres');
  const dataDir = path.join(settings.DATA_DIR, 'postgres');
  const { host, port, user, database } = await embedded.startEmbeddedPostgres({
    dataDir,
    role: 'cli',
  });
  return { host, port, user, database };
}

/** sequelize-cli ends its process when it is done, which gives the lock back. */
async function lock(connection) {
  const { openListenClient } = await load('src/storage/postgres-listener');
  const { takeMigrationLock } = await load('db/migration-lock');
  const client = await openListenClient(connection);
  const onWait = () => console.error('Another migrator is running; waiting for it to end.');
  await takeMigrationLock(client, { sleep: delay, onWait });
}

const changesSchema = (command) => /^db:migrate(:undo.*)?$/.test(command ?? '');

module.exports = async () => {
  try {
    const connection = await findConnection();
    const { refuseSharedSessions } = await load('src/storage/session-probe');
    await refuseSharedSessions(connection);
    if (process.argv.some(changesSchema)) await lock(connection);
    const { sequelizeConnection } = await load('src/storage/connection-settings');
    const { beginSession } = await load('src/storage/session-settings');
    return {
      ...sequelizeConnection(connection),
      hooks: { afterConnect: (client) => beginSession(client) },
      migrationStorageTableName: 'SequelizeMeta',
    };
  } catch (error) {
    console.error(`ERROR: ${error.message || error.errors?.join('; ') || error}`);
    process.exit(1);
  }
};
