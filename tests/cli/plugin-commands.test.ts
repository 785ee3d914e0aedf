import { spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { authsrv, cleanEnvironment, notes } from '../support/authsrv.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { makeScratchFolder } from '../support/scratch-folder.ts';

const PASSWORD = 'seven quiet herons fly';

describe('commands of plugins, in their own process', function () {
  this.timeout(60_000);
  let database: TestDatabase;
  let folder: string;
  let env: Record<string, string>;

  before(async () => {
    database = await createTestDatabase();
    folder = await makeScratchFolder('cli-commands-');
    env = { DATABASE_URL: database.url, DATA_DIR: path.join(folder, 'data') };
  });
  after(async () => {
    await database.drop();
    await rm(folder, { recursive: true });
  });

  const run = (line: string, stdin = '') => authsrv(line.split(' '), { env, stdin, cwd: folder });

  /** Output of a command with `--json`: nothing but that is on standard output. */
  async function json<Body>(line: string): Promise<Body> {
    const { code, stdout, stderr } = await run(`${line} --json`);
    expect(code, stderr).to.equal(0);
    return JSON.parse(stdout) as Body;
  }

  /** Fails with one line on standard error. */
  async function failure(line: string, stdin = ''): Promise<string> {
    const { code, stdout, stderr } = await run(line, stdin);
    expect({ code, stdout }, stderr).to.deep.equal({ code: 1, stdout: '' });
    expect(stderr.trim().split('\n')).to.have.lengthOf(1);
    return stderr;
  }

  it('roles and users, there and back', async () => {
    const role = await json<{ name: string }>('role create editor Edits');
    expect(role).to.include({ name: 'editor', description: 'Edits' });
    const made = await run('create-superuser ann@example.com --password-stdin --json', PASSWORD);
    const { id } = JSON.parse(made.stdout) as { id: string };
    expect((await run('role grant ann@example.com editor')).stdout).to.equal(
      'ann@example.com: editor, superuser\n',
    );
    const [user] = await json<{ id: string; email: string }[]>('user list ann@');
    expect(user).to.include({ id, email: 'ann@example.com' });
    const disabled = await json<{ disabled_at: string }>('user enable ann@example.com');
    expect(disabled.disabled_at).to.equal(null);
    await run('role delete editor');
    const roles = await json<{ name: string }[]>('role list');
    expect(roles.map(({ name }) => name)).to.deep.equal(['superuser']);
  });

  it('clients, there and back', async () => {
    const made = await json<{ client_id: string; client_secret: string }>(
      'client create --name App --redirect-uri https://app.example.com/cb',
    );
    const shown = await json<Record<string, unknown>>(`client show ${made.client_id}`);
    expect(shown).to.include({ client_id: made.client_id, client_name: 'App' });
    const rotated = await json<{ client_secret: string }>(`client rotate-secret ${made.client_id}`);
    expect(rotated.client_secret).to.have.length.at.least(43).and.not.equal(made.client_secret);
    expect(await json<object[]>('client list')).to.have.lengthOf(1);
    expect((await run(`client delete ${made.client_id}`)).code).to.equal(0);
    expect(await json<object[]>('client list')).to.deep.equal([]);
  });

  it('keys: public facts only', async () => {
    const keys = await json<Record<string, string>[]>('keys list');
    expect(keys.map(({ alg }) => alg)).to.have.members(['RS256', 'ES256']);
    for (const key of keys) expect(key).to.have.all.keys('kid', 'alg', 'created_at', 'status');
  });

  it('fail with one line and exit code 1', async () => {
    expect(await failure('user show nobody@example.com')).to.equal(
      'There is no user "nobody@example.com".\n',
    );
    expect(await failure('role create Not_A_Name!')).to.match(/^[^\n]*\n$/);
    const weak = await failure('create-superuser bo@example.com --password-stdin', 'short');
    expect(weak)
      .to.match(/password/i)
      .and.not.match(/^\s+at /m);
    expect(await failure('client create --name X --redirect-uri http://evil.example/#x')).to.match(
      /redirect_uri/,
    );
  });

  it('fail with one line when the database refuses or is not there', async () => {
    const elsewhere = (change: (url: URL) => void) => {
      const url = new URL(database.url);
      change(url);
      return { ...env, DATABASE_URL: url.href };
    };
    const unknown = elsewhere((url) => {
      url.pathname = '/no_such_database';
    });
    const nobody = elsewhere((url) => {
      url.port = '1';
    });
    const [refused, absent] = await Promise.all([
      authsrv(['role', 'list'], { env: unknown, cwd: folder }),
      authsrv(['role', 'list'], { env: nobody, cwd: folder }),
    ]);
    expect(refused.stderr).to.match(/^[^\n]*database "no_such_database" does not exist\n$/);
    expect(absent.stderr).to.match(/^Gave up after 10 s\. PostgreSQL: [^\n]*ECONNREFUSED[^\n]*\n$/);
    expect([refused.code, absent.code]).to.deep.equal([1, 1]);
  });

  it('show the stack only of a bug', async () => {
    const zod = path.join(import.meta.dirname, '../../node_modules/zod/index.js');
    const file = path.join(folder, 'buggy.mjs');
    const text = `import { z } from '${zod}';
      export const plugin = { name: 'buggy', kernel: 1, settings: z.object({}), setup: () => ({}),
        commands: [{ name: 'explode', summary: 'explode', run: async () => undefined.x }] };`;
    await writeFile(file, text);
    const { code, stderr } = await authsrv(['explode'], { env: { ...env, PLUGINS: file } });
    expect(code).to.equal(1);
    expect(stderr).to.match(/^TypeError: .*\n +at .*buggy\.mjs/);
  });

  describe('create-superuser', () => {
    it('SEC-95 makes a password and prints it once, on standard output only', async () => {
      const made = await run('create-superuser cy@example.com');
      const password = /: ([\w-]{24})$/m.exec(made.stdout)?.[1] ?? 'none';
      expect([made.code, notes(made)]).to.deep.equal([0, '']);
      expect(made.stdout.split(password)).to.have.lengthOf(2);
      expect(made.stderr).to.not.contain(password);
      const again = await run('create-superuser cy@example.com');
      expect(again.code).to.equal(0);
      expect(again.stdout).to.not.match(/: [\w-]{24}$/m);
    });

    it('SEC-95 takes no password from the command line, which every process can read', async () => {
      const option = await run(`create-superuser di@example.com --password ${PASSWORD}`);
      const argument = await run('create-superuser di@example.com hunter2hunter2');
      expect([option.code, argument.code]).to.deep.equal([1, 1]);
      expect(option.stderr).to.contain("unknown option '--password'");
      expect(await json<object[]>('user list di@example.com')).to.deep.equal([]);
    });

    it('SEC-95 leaves no password in the list of processes', async () => {
      const seen: string[] = [];
      // Whatever else runs on this machine knows nothing of this one.
      const password = `seven quiet herons ${randomUUID()}`;
      const made = run('create-superuser gil@example.com --password-stdin', `${password}\n`);
      await eventually(async () => {
        seen.push(spawnSync('ps', ['axww', '-o', 'args'], { encoding: 'utf8' }).stdout);
        return seen.at(-1)?.includes('gil@example.com');
      }, 30_000);
      expect((await made).code).to.equal(0);
      expect(seen.join('')).to.not.contain(password);
    });

    describe('SEC-95 on a terminal', () => {
      /** util-linux `script` gives the command a terminal; what a person would type goes to its standard input. */
      async function onTerminal(line: string, typed: readonly string[]) {
        const program = path.join(import.meta.dirname, '../../bin/authsrv.js');
        const command = `'${process.execPath}' '${program}' ${line}`;
        const child = spawn('script', ['-qec', command, '/dev/null'], {
          env: cleanEnvironment(env),
          cwd: folder,
        });
        let output = '';
        child.stdout.on('data', (chunk) => {
          output += String(chunk);
        });
        const closed = once(child, 'close') as Promise<[number | null]>;
        for (const [i, text] of typed.entries()) {
          await eventually(() => output.split('Password').length > i + 1, 30_000);
          child.stdin.write(text);
        }
        const [code] = await closed;
        return { code, output };
      }

      before(async function () {
        const found = spawn('script', ['--version'], { stdio: 'ignore' });
        const isLinux = await once(found, 'close').then(
          ([code]) => code === 0,
          () => false,
        );
        if (!isLinux) this.skip();
      });

      it('asks twice without echo', async () => {
        const typed = [`${PASSWORD}\r`, `${PASSWORD}\r`];
        const { code, output } = await onTerminal('create-superuser ed@example.com', typed);
        expect(code, output).to.equal(0);
        expect(output).to.contain('ed@example.com is created').and.not.contain(PASSWORD);
      });

      it('makes nobody after Ctrl-C', async () => {
        const { code, output } = await onTerminal('create-superuser fay@example.com', ['\x03']);
        expect(code, output).to.equal(1);
        expect(output).to.contain('Nothing was done.');
        expect(await json<object[]>('user list fay@')).to.deep.equal([]);
      });
    });
  });
});
