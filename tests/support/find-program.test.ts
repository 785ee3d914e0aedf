import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { findProgram, type ProgramSearch } from './find-program.ts';

const WANTED = { names: ['chromium', 'google-chrome'], suites: 'every suite in tests/pages' };

describe('search for a program', () => {
  let folder: string;
  let lines: string[];
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'find-program-'));
    lines = [];
  });
  afterEach(() => rm(folder, { recursive: true }));

  const program = async (name: string, exitCode = 0): Promise<string> => {
    const file = path.join(folder, name);
    await writeFile(file, `#!/bin/sh\nexit ${exitCode}\n`);
    await chmod(file, 0o755);
    return file;
  };
  const search = (options: Partial<ProgramSearch> = {}): Promise<string | undefined> =>
    findProgram(WANTED, {
      env: { PATH: folder },
      isRoot: true,
      log: (line) => lines.push(line),
      install: () => Promise.reject(new Error('nothing may be installed here')),
      ...options,
    });

  it('takes the one on PATH and installs nothing', async () => {
    await program('apt-get');
    const file = await program('chromium');
    expect(await search()).to.equal(file);
    expect(lines).to.deep.equal([]);
  });

  it('passes by one that does not run', async () => {
    await program('chromium', 1);
    const file = await program('google-chrome');
    expect(await search()).to.equal(file);
  });

  it("installs Debian's as root", async () => {
    await program('apt-get');
    const file = await search({ install: () => program('chromium') });
    expect(file).to.equal(path.join(folder, 'chromium'));
  });

  it('installs nothing without root, and names in one line what is skipped', async () => {
    await program('apt-get');
    expect(await search({ isRoot: false })).to.equal(undefined);
    expect(lines).to.have.length(1);
    expect(lines[0]).to.match(/NO CHROMIUM.*tests\/pages.*SKIPPED/);
  });

  it('says why an installation failed', async () => {
    await program('apt-get');
    expect(await search()).to.equal(undefined);
    expect(lines.join('\n')).to.include('nothing may be installed here');
  });

  it('fails in CI', async () => {
    const error = await search({ env: { PATH: folder, CI: 'true' } }).catch((reason) => reason);
    expect(error).to.be.instanceOf(Error);
    expect((error as Error).message).to.include('No chromium');
  });
});
