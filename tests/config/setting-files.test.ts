import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { readSettingFiles } from '../../config/setting-files.ts';
import { makeScratchFolder } from '../support/scratch-folder.ts';

describe('NAME_FILE', () => {
  let folder: string;
  let file: string;
  before(async () => {
    folder = await makeScratchFolder('setting-files-');
    file = path.join(folder, 'secret');
    await writeFile(file, 'from the file\n');
  });
  after(() => rm(folder, { recursive: true }));

  it('names a file that holds NAME', () => {
    const { environment, faults } = readSettingFiles({ SECRET_FILE: file, X: '1' }, ['SECRET']);
    expect(environment).to.include({ SECRET: 'from the file', X: '1' });
    expect(faults).to.deep.equal([]);
  });

  it('is none of ours when there is no such setting', () => {
    const given = { SSL_CERT_FILE: '/nowhere', RANDOM_FILE: file };
    const { environment, faults } = readSettingFiles(given, ['SECRET']);
    expect(environment).to.deep.equal(given);
    expect(faults).to.deep.equal([]);
  });

  it('is a fault together with NAME: nobody could tell which one applies', () => {
    const { environment, faults } = readSettingFiles({ SECRET: 'x', SECRET_FILE: file }, [
      'SECRET',
    ]);
    expect(environment['SECRET']).to.equal('x');
    expect(faults).to.deep.equal(['SECRET_FILE: SECRET is set as well; keep one of them']);
  });

  it('is a fault when the file is missing, a folder or empty; all are named', async () => {
    const empty = path.join(folder, 'empty');
    await writeFile(empty, '\n');
    const given = { A_FILE: '/nowhere', B_FILE: folder, C_FILE: empty };
    const { faults } = readSettingFiles(given, ['A', 'B', 'C']);
    expect(faults).to.deep.equal([
      'A_FILE: cannot read /nowhere (ENOENT)',
      `B_FILE: cannot read ${folder} (EISDIR)`,
      `C_FILE: ${empty} is empty`,
    ]);
  });
});
