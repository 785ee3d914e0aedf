import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { builtIn } from '../../src/plugins.ts';
import { authsrv, cleanEnvironment } from '../support/authsrv.ts';
import { makeScratchFolder } from '../support/scratch-folder.ts';

const CORE = [
  'start',
  'migrate up',
  'migrate down',
  'migrate status',
  'migrate new',
  'config',
  'doctor',
];
const BROKEN = { PORT: 'x', DATABASE_URL: 'nonsense', PLUGINS: './nowhere.js' };

describe('authsrv --help', () => {
  let folder: string;
  before(async () => {
    folder = await makeScratchFolder('cli-help-');
  });
  after(() => rm(folder, { recursive: true }));

  /** The commands that a help text lists, without arguments. */
  const listed = (text: string): string[] => {
    const [, commands = ''] = /^Commands:\n((?: .*\n)+)/m.exec(text) ?? [];
    const lines = [...commands.matchAll(/^ {2}(\S.*?)(?: {2,}.*)?$/gm)].map(
      ([, term = '']) => term,
    );
    return lines.map((term) => term.replace(/ [<[].*/, ''));
  };

  it('lists every command, with broken settings too, and touches no storage', async () => {
    const wanted = builtIn.flatMap(({ commands = [] }) => commands.map(({ name }) => name));
    const [good, broken] = await Promise.all([
      authsrv(['--help'], { cwd: folder }),
      authsrv(['--help'], { cwd: folder, env: BROKEN }),
    ]);
    for (const { code, stdout, stderr } of [good, broken]) {
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
      expect(listed(stdout)).to.have.members([...CORE, ...wanted]);
    }
    expect(await readdir(folder)).to.deep.equal([]);
  });

  it('lists the commands of third-party plugins', async () => {
    const zod = path.join(import.meta.dirname, '../../node_modules/zod/index.js');
    const file = path.join(folder, 'hello.mjs');
    const text = `import { z } from '${zod}';
      export const plugin = { name: 'hello', kernel: 1, settings: z.object({}), setup: () => ({}),
        commands: [{ name: 'hello say', summary: 'say hello', run: async ({ io }) => io.out('hello') }] };`;
    await writeFile(file, text);
    const { stdout } = await authsrv(['--help'], { env: { PLUGINS: file } });
    expect(stdout).to.match(/^ {2}hello say +say hello$/m);
    await rm(file);
  });

  it('explains one group and one command, with arguments and options', async () => {
    const [group, command] = await Promise.all([
      authsrv(['role', '--help'], { cwd: folder, env: BROKEN }),
      authsrv(['client', 'create', '--help'], { cwd: folder, env: BROKEN }),
    ]);
    expect(listed(group.stdout)).to.include('role grant').and.not.include('user list');
    expect(group.stdout).to.contain('role grant <user> <role>');
    expect(command.stdout).to.contain('--redirect-uri <uri>');
    expect([group.code, command.code]).to.deep.equal([0, 0]);
    expect(await readdir(folder)).to.deep.equal([]);
  });

  it('says the version', async () => {
    const { stdout } = await authsrv(['--version']);
    expect(stdout).to.match(/^\d+\.\d+\.\d+\n$/);
  });

  const wrong: Readonly<Record<string, readonly string[]>> = {
    "unknown command 'frobnicate'": ['frobnicate'],
    "unknown command 'frob'": ['role', 'frob'],
    "missing required argument 'name'": ['role', 'create'],
    "unknown option '--frob'": ['role', 'list', '--frob'],
    'too many arguments': ['role', 'list', 'a'],
  };
  for (const [message, args] of Object.entries(wrong)) {
    it(`answers "authsrv ${args.join(' ')}" with a line and a hint`, async () => {
      const { code, stdout, stderr } = await authsrv(args, { cwd: folder });
      expect({ code, stdout }).to.deep.equal({ code: 1, stdout: '' });
      expect(stderr).to.contain(message);
      expect(stderr.trim().split('\n')).to.have.lengthOf(2);
      expect(await readdir(folder)).to.deep.equal([]);
    });
  }

  it('shows the commands when none is given', async () => {
    const { code, stdout, stderr } = await authsrv([], { cwd: folder });
    expect({ code, stdout }).to.deep.equal({ code: 1, stdout: '' });
    expect(listed(stderr)).to.include('start');
  });

  it('ends quietly when nobody reads on', async () => {
    const program = path.join(import.meta.dirname, '../../bin/authsrv.js');
    const child = spawn(process.execPath, [program, 'config', '--json'], {
      cwd: folder,
      env: cleanEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.destroy();
    const errors: unknown[] = [];
    child.stderr.on('data', (chunk) => errors.push(String(chunk)));
    await once(child, 'close');
    expect(errors).to.deep.equal([]);
  });
});
