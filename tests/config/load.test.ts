import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { readEnvironment } from '../../config/load.ts';
import { makeScratchFolder } from '../support/scratch-folder.ts';
import { faultsOf } from './config-faults.ts';

describe('environment', () => {
  let folder: string;
  let dotEnv: string;
  before(async () => {
    folder = await makeScratchFolder('environment-');
    dotEnv = path.join(folder, '.env');
  });
  after(() => rm(folder, { recursive: true }));

  it('is that of the process, with .env beneath it', async () => {
    await writeFile(dotEnv, 'PORT=1\nHOST="0.0.0.0"\n# PLUGINS=x\n');
    const environment = readEnvironment({ PORT: '2', OTHER: ' x ' }, dotEnv);
    expect(environment).to.deep.equal({ PORT: '2', HOST: '0.0.0.0', OTHER: 'x' });
  });

  it('needs no .env', () => {
    expect(readEnvironment({ PORT: '2' }, path.join(folder, 'none'))).to.deep.equal({ PORT: '2' });
  });

  it('counts a blank value as none', () => {
    const source = { PORT: '', HOST: '  ', DATA_DIR: undefined };
    expect(readEnvironment(source, path.join(folder, 'none'))).to.deep.equal({});
  });

  it('leaves the environment of the process as it is', async () => {
    await writeFile(dotEnv, 'ONLY_IN_DOT_ENV=1\n');
    expect(readEnvironment(undefined, dotEnv)).to.include({ ONLY_IN_DOT_ENV: '1' });
    expect(readEnvironment(undefined, 'none')).to.not.have.property('ONLY_IN_DOT_ENV');
  });

  it('says so when there is a .env that cannot be read', async () => {
    const faults = await faultsOf(() => readEnvironment({}, folder));
    expect(faults).to.deep.equal([`${folder}: cannot read it (EISDIR)`]);
  });
});
