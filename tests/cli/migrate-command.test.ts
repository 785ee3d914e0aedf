import { execFile } from 'node:child_process';
import { cp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { authsrv, cleanEnvironment, notes } from '../support/authsrv.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { makeScratchFolder } from '../support/scratch-folder.ts';

const root = path.resolve(import.meta.dirname, '../..');

describe('authsrv migrate', function () {
  this.timeout(60_000);
  let database: TestDatabase;
  let folder: string;
  /** A copy of the program, so that `migrate new` leaves nothing in the repository. */
  let program: string;

  before(async () => {
    folder = await makeScratchFolder('cli-migrate-');
    for (const name of ['bin', 'src', 'config', 'db', 'views', 'package.json']) {
      await cp(path.join(root, name), path.join(folder, name), { recursive: true });
    }
    await symlink(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
    program = path.join(folder, 'bin/authsrv.js');
  });
  after(() => rm(folder, { recursive: true }));
  beforeEach(async () => {
    database = await createTestDatabase({ empty: true });
  });
  afterEach(() => database.drop());

  const run = (line: string, own: { program?: string } = {}) =>
    authsrv(`migrate ${line}`.split(' '), {
      env: { DATABASE_URL: database.url },
      cwd: folder,
      ...own,
    });

  async function json<Body>(line: string): Promise<Body> {
    const done = await run(`${line} --json`);
    expect([done.code, notes(done)]).to.deep.equal([0, '']);
    return JSON.parse(done.stdout) as Body;
  }

  const sequelizeCli = async (...args: string[]): Promise<string> => {
    const cli = createRequire(import.meta.url).resolve('sequelize-cli/lib/sequelize');
    const env = cleanEnvironment({ DATABASE_URL: database.url });
    const { stdout } = await promisify(execFile)(process.execPath, [cli, ...args], {
      cwd: root,
      env,
    });
    return stdout;
  };

  it('applies, lists and reverts, in one history with sequelize-cli', async () => {
    const { pending } = await json<{ pending: string[] }>('status');
    expect(pending).to.have.length.at.least(2);
    expect(await json('up')).to.deep.equal({ applied: pending });
    expect(await json('status')).to.deep.equal({ applied: pending, pending: [] });
    const [last = ''] = pending.slice(-1);
    expect(await sequelizeCli('db:migrate:status')).to.contain(`up ${last}`);
    await sequelizeCli('db:migrate:undo');
    expect((await run('status')).stdout).to.contain(
      `applied  ${pending.at(-2)}\npending  ${last}\n`,
    );
    expect((await run('up')).stdout).to.equal(`applied ${last}\n`);
    expect((await run('up')).stdout).to.equal('nothing to do\n');
    expect((await run('down')).stdout).to.equal(`reverted ${last}\n`);
  });

  it('writes a migration that then applies, without any storage', async () => {
    const DATABASE_URL = 'postgres://127.0.0.1:1/nowhere';
    const made = await authsrv(['migrate', 'new', 'add-hats', '--json'], {
      env: { DATABASE_URL },
      program,
      cwd: folder,
    });
    const { file } = JSON.parse(made.stdout) as { file: string };
    expect(path.dirname(file)).to.equal(path.join(folder, 'db/migrations'));
    expect(path.basename(file)).to.match(/^\d{14}-add-hats\.js$/);
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace("query('')", "query('CREATE TABLE hats ()')"));
    const applied = await run('up', { program });
    expect(applied.stdout).to.contain(`applied ${path.basename(file)}`);
    await database.database.query({ name: 'hats', text: 'SELECT FROM hats' }, []);
  });

  it('refuses a name that is not kebab-case', async () => {
    const { code, stdout, stderr } = await run('new ../Oh_no', { program });
    expect({ code, stdout }).to.deep.equal({ code: 1, stdout: '' });
    expect(stderr).to.equal('A migration is named in kebab-case, not "../Oh_no"\n');
  });

  it('names the migration that failed, in one line', async () => {
    const file = path.join(folder, 'db/migrations/20990101000000-broken.js');
    await writeFile(file, `exports.up = async () => { throw new Error('no such luck'); };`);
    const { code, stderr } = await run('up', { program });
    await rm(file);
    expect(code).to.equal(1);
    expect(stderr).to.match(/^[^\n]*20990101000000-broken\.js[^\n]*no such luck\n$/);
  });

  it('applies the migrations of the core before those of plugins', async () => {
    const plugin = path.join(folder, 'hats');
    const zod = path.join(root, 'node_modules/zod/index.js');
    await cp(path.join(root, 'db/migrations/package.json'), path.join(plugin, 'sql/package.json'));
    await writeFile(
      path.join(plugin, 'sql/20200101000000-hats.js'),
      `exports.up = (i) => i.sequelize.query('CREATE TABLE hats (owner uuid REFERENCES users)');
       exports.down = (i) => i.sequelize.query('DROP TABLE hats');`,
    );
    await writeFile(
      path.join(plugin, 'index.mjs'),
      `import { z } from '${zod}';
       export default { name: 'hats', kernel: 1, settings: z.object({}), setup: () => ({}),
         migrations: new URL('./sql', import.meta.url) };`,
    );
    const env = { DATABASE_URL: database.url, PLUGINS: path.join(plugin, 'index.mjs') };
    const done = await authsrv(['migrate', 'up', '--json'], { env, cwd: folder });
    expect(notes(done)).to.equal('');
    const { applied } = JSON.parse(done.stdout) as { applied: string[] };
    expect(applied.at(-1)).to.equal('20200101000000-hats.js');
    const status = await sequelizeCli('db:migrate:status');
    expect(status).to.not.contain('hats');
  });
});
