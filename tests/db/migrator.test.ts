import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { createMigrator } from '../../db/migrator.ts';
import { openDatabase } from '../../src/storage/database.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { createRecordingLog, silentLog } from '../support/log.ts';

const root = path.resolve(import.meta.dirname, '../..');
const FIRST = '20260101000000-first.js';
const SECOND = '20260102000000-second.js';

const creating = (table: string, wait = '') => `module.exports = {
  async up(queryInterface, Sequelize) {
    ${wait}
    await queryInterface.createTable('${table}', { id: { type: Sequelize.INTEGER } });
  },
  async down(queryInterface) {
    await queryInterface.dropTable('${table}');
  },
};`;

describe('migrator', function () {
  this.timeout(20_000);
  let home: TestDatabase;
  let folder: string;

  const migrator = (options: { table?: string; folder?: string } = {}) =>
    createMigrator(home.database.orm, { folder, table: 'SequelizeMeta', ...options });
  const write = (name: string, content: string) => writeFile(path.join(folder, name), content);
  const tables = async () =>
    (await home.database.orm.getQueryInterface().showAllTables()).toSorted();

  beforeEach(async () => {
    home = await createTestDatabase({ empty: true });
    folder = await mkdtemp(path.join(tmpdir(), 'migrations-'));
    await write('package.json', '{ "type": "commonjs" }');
    await write(FIRST, creating('first'));
    await write(SECOND, creating('second'));
  });

  afterEach(async () => {
    await home.drop();
    await rm(folder, { recursive: true });
  });

  it('only looks, until told to migrate', async () => {
    expect(await migrator().pending()).to.deep.equal([FIRST, SECOND]);
    expect(await migrator().executed()).to.deep.equal([]);
    expect(await tables()).to.deep.equal([]);
  });

  it('applies what is pending, in order, once', async () => {
    expect(await migrator().up()).to.deep.equal([FIRST, SECOND]);
    expect(await tables()).to.deep.equal(['SequelizeMeta', 'first', 'second']);
    expect(await migrator().pending()).to.deep.equal([]);
    expect(await migrator().executed()).to.deep.equal([FIRST, SECOND]);
    expect(await migrator().up()).to.deep.equal([]);
  });

  it('reverts the last one only', async () => {
    await migrator().up();
    expect(await migrator().down()).to.deep.equal([SECOND]);
    expect(await migrator().executed()).to.deep.equal([FIRST]);
    expect(await tables()).to.deep.equal(['SequelizeMeta', 'first']);
  });

  it('keeps what ran before a migration that failed, and names that', async () => {
    await write(SECOND, `module.exports = { async up() { throw new Error('no room'); } };`);
    const failure: unknown = await migrator()
      .up()
      .catch((error: unknown) => error);
    expect((failure as Error).message)
      .to.include(SECOND)
      .and.include('no room');
    expect(await migrator().executed()).to.deep.equal([FIRST]);
  });

  it('is not stopped by a migration of a newer build, and does not revert below it', async () => {
    await migrator().up();
    const newer = '20270101000000-newer.js';
    await home.database.orm.query(`INSERT INTO "SequelizeMeta" (name) VALUES ('${newer}')`);
    expect(await migrator().pending()).to.deep.equal([]);
    expect(await migrator().up()).to.deep.equal([]);
    expect(await migrator().executed()).to.deep.equal([FIRST, SECOND, newer]);
    const failure: unknown = await migrator()
      .down()
      .catch((error: unknown) => error);
    expect((failure as Error).message).to.include(newer);
    expect(await tables()).to.include('second');
  });

  it('keeps the history of a third-party plugin apart, in ESM or CommonJS', async () => {
    const plugin = await mkdtemp(path.join(tmpdir(), 'plugin-'));
    await writeFile(
      path.join(plugin, '1-own.mjs'),
      `export const up = (queryInterface) => queryInterface.sequelize.query('CREATE TABLE own (id int)');`,
    );
    await writeFile(path.join(plugin, '2-more.cjs'), creating('more'));
    const own = migrator({ folder: plugin, table: 'plugin_acme_migrations' });
    expect(await own.up()).to.deep.equal(['1-own.mjs', '2-more.cjs']);
    expect(await own.executed()).to.deep.equal(['1-own.mjs', '2-more.cjs']);
    expect(await migrator().pending()).to.deep.equal([FIRST, SECOND]);
    expect(await own.down()).to.deep.equal(['2-more.cjs']);
    const failure: unknown = await own.down().catch((error: unknown) => error);
    expect((failure as Error).message).to.include('1-own.mjs');
    await rm(plugin, { recursive: true });
  });

  it('lets two migrators run one after the other', async () => {
    const slow = `await queryInterface.sequelize.query('SELECT pg_sleep(0.5)');`;
    await write(FIRST, creating('first', slow));
    const log = createRecordingLog();
    const options = { folder, table: 'SequelizeMeta', log };
    const other = openDatabase({
      connection: { connectionString: home.url },
      poolSize: 2,
      log: silentLog,
    });
    const applied = await Promise.all([
      createMigrator(home.database.orm, options).up(),
      createMigrator(other.orm, options).up(),
    ]);
    await other.close();
    expect(applied.toSorted((a, b) => a.length - b.length)).to.deep.equal([[], [FIRST, SECOND]]);
    expect(log.entries.map(({ fields }) => fields)).to.deep.equal([{ event: 'migration.waiting' }]);
  });

  it('gives the lock back after a failure', async () => {
    await write(SECOND, `module.exports = { async up() { throw new Error('no'); } };`);
    await migrator()
      .up()
      .catch(() => undefined);
    await write(SECOND, creating('unused'));
    expect(await migrator().down()).to.deep.equal([FIRST]);
  });

  it('writes a new migration that runs', async () => {
    const clock = { now: () => Date.UTC(2026, 10, 22, 1, 2, 3) };
    await rm(path.join(folder, 'package.json'));
    const created = createMigrator(home.database.orm, { folder, table: 'SequelizeMeta', clock });
    const file = await created.create('add-things');
    expect(file).to.equal(path.join(folder, '20261122010203-add-things.js'));
    expect(await readFile(path.join(folder, 'package.json'), 'utf8')).to.include('commonjs');
    await writeFile(
      file,
      (await readFile(file, 'utf8')).replaceAll(`query('')`, `query('SELECT 1')`),
    );
    expect(await created.up()).to.include('20261122010203-add-things.js');
    expect(await created.down()).to.deep.equal(['20261122010203-add-things.js']);
    const failure: unknown = await created.create('../oh no').catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(Error);
  });

  describe('and sequelize-cli', () => {
    const cli = async (...args: string[]) => {
      const program = createRequire(import.meta.url).resolve('sequelize-cli/lib/sequelize');
      const env = { DATABASE_URL: home.url };
      const { stdout } = await promisify(execFile)(process.execPath, [program, ...args], {
        cwd: root,
        env,
      });
      return stdout;
    };
    const project = () => migrator({ folder: path.join(root, 'db/migrations') });

    it('share one history', async () => {
      const all = await project().pending();
      expect(all).to.not.have.length(0);
      expect(await cli('db:migrate')).to.include(path.parse(all[0] ?? '').name);
      expect(await project().pending()).to.deep.equal([]);
      const last = all.at(-1) ?? '';
      expect(await project().down()).to.deep.equal([last]);
      expect(await cli('db:migrate:status')).to.include(`down ${last}`);
      expect(await project().up()).to.deep.equal([last]);
      await cli('db:migrate:undo');
      expect(await project().pending()).to.deep.equal([last]);
    });

    it('wait for each other', async () => {
      const slow = `await queryInterface.sequelize.query('SELECT pg_sleep(1)');`;
      await write(FIRST, creating('first', slow));
      const up = migrator().up();
      const locks = `SELECT 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database
        WHERE locktype = 'advisory' AND granted AND datname = current_database()`;
      await eventually(async () => (await home.database.orm.query(locks))[0].length === 1);
      const other = cli('db:migrate', '--migrations-path', folder);
      expect(await up).to.deep.equal([FIRST, SECOND]);
      expect(await other).to.include('already up to date');
    });

    it('generate files that both run', async () => {
      await cli('migration:generate', '--name', 'generated', '--migrations-path', folder);
      const [generated = ''] = (await migrator().pending()).slice(-1);
      expect(generated).to.match(/^\d{14}-generated\.js$/);
      expect(await migrator().up()).to.include(generated);
      await cli('db:migrate:undo', '--migrations-path', folder);
      expect(await migrator().pending()).to.deep.equal([generated]);
    });
  });
});
