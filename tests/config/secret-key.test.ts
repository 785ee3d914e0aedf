import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { generatedSecretKey } from '../../config/secret-key.ts';
import { makeScratchFolder } from '../support/scratch-folder.ts';

const MODULE = path.join(import.meta.dirname, '../../config/secret-key.ts');

describe('generated SECRET_KEY', () => {
  let folder: string;
  let dataDir: string;
  beforeEach(async () => {
    folder = await makeScratchFolder('secret-key-');
    dataDir = path.join(folder, 'data');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('SEC-95 is 256 random bits that only the owner can read', async () => {
    const key = generatedSecretKey(dataDir);
    expect(key).to.match(/^[0-9a-f]{64}$/);
    const modeOf = async (file: string) => (await stat(file)).mode & 0o777;
    expect(await modeOf(path.join(dataDir, 'secret.key'))).to.equal(0o600);
    expect(await modeOf(dataDir)).to.equal(0o700);
    expect(await readdir(dataDir)).to.deep.equal(['secret.key']);
    expect(generatedSecretKey(path.join(folder, 'other'))).to.not.equal(key);
  });

  it('is made once and kept', async () => {
    const key = generatedSecretKey(dataDir);
    expect(generatedSecretKey(dataDir)).to.equal(key);
    expect((await readFile(path.join(dataDir, 'secret.key'), 'utf8')).trim()).to.equal(key);
  });

  it('is the same for processes that start at once', async () => {
    const program = `import { generatedSecretKey } from ${JSON.stringify(MODULE)};
      process.stdin.once('data', () => { console.log(generatedSecretKey(process.argv[1])); process.exit(); });
      process.stdout.write('ready ');`;
    const makers = Array.from({ length: 4 }, () =>
      spawn(process.execPath, ['--input-type=module', '-e', program, dataDir], {
        stdio: ['pipe', 'pipe', 'inherit'],
      }),
    );
    const outputs = makers.map(({ stdout }) => text(stdout));
    await Promise.all(makers.map(({ stdout }) => once(stdout, 'readable')));
    for (const { stdin } of makers) stdin.write('go');
    const keys = (await Promise.all(outputs)).map((output) => output.replace('ready ', '').trim());
    expect(keys[0]).to.match(/^[0-9a-f]{64}$/);
    expect(new Set(keys).size).to.equal(1);
    expect(await readdir(dataDir)).to.deep.equal(['secret.key']);
  });

  it('says which file cannot be read instead of making another key', async () => {
    generatedSecretKey(dataDir);
    const file = path.join(dataDir, 'secret.key');
    await rm(file);
    await writeFile(path.join(folder, 'not-a-folder'), '');
    expect(() => generatedSecretKey(path.join(folder, 'not-a-folder'))).to.throw('ENOTDIR');
    await writeFile(file, '');
    await chmod(file, 0o600);
    expect(() => generatedSecretKey(dataDir)).to.throw(`cannot read ${file}`);
  });
});
