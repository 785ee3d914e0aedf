/** docs/plugins.md: every file of the tutorial is written, every command is run, and prints what it says. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { cleanEnvironment } from './support/authsrv.ts';
import { eventually } from './support/eventually.ts';
import { freePort } from './support/free-port.ts';
import { makeScratchFolder } from './support/scratch-folder.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const PROGRAM = path.join(ROOT, 'bin/authsrv.js');

interface Block {
  readonly language: string;
  /** With a file name: what is to be written there. */
  readonly file: string | undefined;
  readonly content: string;
}

interface Call {
  readonly command: string;
  readonly output: string;
}

async function tutorial(): Promise<Block[]> {
  const document = await readFile(path.join(ROOT, 'docs/plugins.md'), 'utf8');
  const [, part = ''] = /## A plugin in 15 minutes\n([\s\S]*?)\n## /.exec(document) ?? [];
  return [...part.matchAll(/^```(\w+)(?: (\S+))?\n([\s\S]*?)^```$/gm)].map(
    ([, language = '', file, content = '']) => ({ language, file, content }),
  );
}

const callsOf = (content: string): Call[] =>
  content
    .split(/^\$ /m)
    .slice(1)
    .map((call) => {
      const [command = '', ...output] = call.split('\n');
      return { command, output: output.join('\n').trim() };
    });

describe('docs/plugins.md', function () {
  this.timeout(120_000);
  let folder: string;
  let port: number;
  let server: ChildProcess | undefined;
  const environment: Record<string, string> = {};

  before(async () => {
    folder = await makeScratchFolder('docs-plugins-');
    for (const name of ['src', 'node_modules']) {
      await symlink(path.join(ROOT, name), path.join(folder, name));
    }
    port = await freePort();
    Object.assign(environment, {
      PORT: String(port),
      DATA_DIR: path.join(folder, 'data'),
      HASH_SLOTS: '1',
    });
  });
  after(async () => {
    await stopServer();
    await rm(folder, { recursive: true, force: true });
  });

  const stopServer = async (): Promise<void> => {
    if (!server || server.exitCode !== null) return;
    server.kill();
    await once(server, 'exit');
  };

  const startServer = async (settings: Readonly<Record<string, string>>): Promise<void> => {
    await stopServer();
    const started = spawn(process.execPath, [PROGRAM, 'start'], {
      cwd: folder,
      env: { ...cleanEnvironment(environment), ...settings },
      stdio: 'ignore',
    });
    process.once('exit', () => started.kill('SIGKILL'));
    server = started;
    await eventually(async () => {
      if (started.exitCode !== null) throw new Error(`it ended with ${started.exitCode}`);
      expect((await fetch(`http://localhost:${port}/health/ready`)).status).to.equal(200);
    }, 60_000);
  };

  /** In a shell as a reader's, whose `npx authsrv` is this one. */
  const shell = async (command: string): Promise<string> => {
    const prelude = `npx() { shift; "${process.execPath}" "${PROGRAM}" "$@"; }`;
    const here = command.replaceAll('localhost:3000', `localhost:${port}`);
    const child = spawn('bash', ['-c', `${prelude}\n${here}`], {
      cwd: folder,
      env: cleanEnvironment(environment),
    });
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return `${stdout}${stderr}`.trim();
  };

  const perform = async ({ command, output }: Call): Promise<void> => {
    const [, name = '', value = ''] = /^export (\w+)=(\S+)$/.exec(command) ?? [];
    if (name) environment[name] = value;
    else if (command.endsWith('npm start')) {
      await startServer(
        Object.fromEntries(
          [...command.matchAll(/(\w+)=(\S+) /g)].map(([, key, set]) => [key, set]),
        ),
      );
    } else expect(await shell(command), command).to.equal(output);
  };

  it('leads to a working plugin, step by step', async () => {
    const blocks = await tutorial();
    expect(blocks.filter(({ file }) => file)).to.have.length.at.least(4);
    for (const { language, file, content } of blocks) {
      if (file) {
        await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
        await writeFile(path.join(folder, file), content);
      }
      if (language === 'console') for (const call of callsOf(content)) await perform(call);
    }
  });
});
