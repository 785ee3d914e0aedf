import { rm } from 'node:fs/promises';
import { expect } from 'chai';
import { authsrv } from '../support/authsrv.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { freePort } from '../support/free-port.ts';
import { makeScratchFolder } from '../support/scratch-folder.ts';
import { SECRET_KEY, startServerProcess } from '../support/server-process.ts';
import { redisUrl } from '../support/service-urls.ts';

interface Report {
  readonly status: string;
  readonly checks: readonly {
    readonly name: string;
    readonly owner: string;
    readonly status: string;
    readonly reason?: string;
    readonly findings: readonly { severity: string; problem: string; fix: string }[];
  }[];
}

/** Nothing listens there. */
const NOBODY = '127.0.0.1:1';

describe('authsrv doctor', function () {
  this.timeout(90_000);
  let database: TestDatabase;
  let folder: string;

  before(async () => {
    folder = await makeScratchFolder('cli-doctor-');
    database = await createTestDatabase();
  });
  after(async () => {
    await rm(folder, { recursive: true });
    await database.drop();
  });

  const doctor = async (env: Record<string, string>) => {
    const settings = { DATABASE_URL: database.url, SECRET_KEY, ...env };
    const { code, stdout, stderr } = await authsrv(['doctor', '--json'], {
      env: settings,
      cwd: folder,
    });
    expect(stderr).to.equal('');
    const report = JSON.parse(stdout) as Report;
    const of = (name: string) => report.checks.find((check) => check.name === name);
    return { code, report, of, stdout };
  };

  it('finds nothing wrong with a server that runs well, and changes nothing', async function () {
    const redis = redisUrl();
    if (redis === undefined) return this.skip();
    const settings = { HASH_QUEUE: '64', RATE_LIMIT: 'on' };
    const server = await startServerProcess({
      databaseUrl: database.url,
      redisUrl: redis,
      settings,
    });
    const [PORT = ''] = server.socket.match(/\d+$/) ?? [];
    try {
      const { code, report } = await doctor({ PORT, PUBLIC_URL: server.issuer, REDIS_URL: redis });
      // The stores of the tests keep nothing, which is worth a warning; a PostgreSQL of DATABASE_URL may keep something.
      const findings = report.checks
        .flatMap((check) => check.findings)
        .filter(({ problem }) => !problem.startsWith('fsync is off'));
      expect(findings.map(({ problem }) => problem)).to.deep.equal([
        'Redis keeps nothing on disk: after it restarts, everybody has to sign in again.',
      ]);
      expect(report.checks.filter(({ status }) => status === 'skipped')).to.deep.equal([]);
      expect({ code, status: report.status }).to.deep.equal({ code: 0, status: 'warning' });
      expect(await server.health('ready')).to.equal(200);
    } finally {
      await server.stop();
    }
  });

  it('reports whatever cannot be reached, and all the rest as well', async () => {
    const { code, report, of } = await doctor({
      DATABASE_URL: `postgres://auth:hidden-one@${NOBODY}/auth`,
      REDIS_URL: `redis://:hidden-two@${NOBODY}`,
      PUBLIC_URL: `http://${NOBODY}`,
      PORT: String(await freePort()),
    });
    expect({ code, status: report.status }).to.deep.equal({ code: 1, status: 'broken' });
    expect(of('postgresql')?.findings[0]).to.deep.equal({
      severity: 'broken',
      problem: 'PostgreSQL: connect ECONNREFUSED 127.0.0.1:1.',
      fix: 'Start PostgreSQL, or correct DATABASE_URL.',
    });
    expect(of('state_store')?.status).to.equal('broken');
    expect(of('migrations')?.reason).to.equal('PostgreSQL did not answer');
    expect(of('redis')?.reason).to.equal('Redis did not answer');
    expect(of('public_url')?.status).to.equal('warning');
    expect(of('cookies')?.reason).to.equal('PUBLIC_URL cannot be reached');
    expect(of('clock')?.reason).to.equal('no other clock can be read');
    expect(of('proxy')?.status).to.equal('ok');
    expect(JSON.stringify(report)).to.not.match(/hidden-(one|two)/);
  });

  it('tells faults of settings, each with its name', async () => {
    const { code, report } = await doctor({ PORT: 'x', SECRET_KEY: 'short-and-hidden' });
    expect(code).to.equal(1);
    expect(report.checks.map(({ name }) => name)).to.deep.equal(['settings']);
    const [settings] = report.checks;
    const problems = settings?.findings.map(({ problem }) => problem) ?? [];
    expect(problems.map((problem) => problem.split(':')[0])).to.have.members([
      'PORT',
      'SECRET_KEY',
    ]);
    expect(JSON.stringify(report)).to.not.contain('short-and-hidden');
  });

  it('tells what plugins refuse, and goes on with the rest', async () => {
    const { code, of } = await doctor({
      PUBLIC_URL: `https://${NOBODY}`,
      REGISTRATION: 'strict',
    });
    expect(code).to.equal(1);
    expect(of('settings')?.findings[0]?.problem).to.contain('REGISTRATION=strict');
    expect(of('postgresql')?.status).to.equal('ok');
    expect(of('signing_keys')).to.equal(undefined);
  });

  it('tells what migrations are missing, and skips what needs them', async () => {
    const empty = await createTestDatabase({ empty: true });
    try {
      const { code, of } = await doctor({ DATABASE_URL: empty.url });
      expect(code).to.equal(1);
      expect(of('migrations')?.findings[0]?.problem).to.contain('-core.js');
      expect(of('migrations')?.findings[0]?.fix).to.contain('authsrv migrate up');
      expect(of('signing_keys')?.reason).to.equal('migrations are pending');
    } finally {
      await empty.drop();
    }
  });

  it('prints a line a check, its findings with their fixes, and a count', async () => {
    const env = { DATABASE_URL: database.url, SECRET_KEY, PUBLIC_URL: `http://${NOBODY}` };
    const { code, stdout, stderr } = await authsrv(['doctor'], { env, cwd: folder });
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    expect(stdout).to.match(/^ok {7}settings\n/m);
    expect(stdout).to.match(
      /\nwarning {2}public_url\n {9}warning: http:\/\/127.0.0.1:1 cannot be reached .*\n {9}fix: Start it, and ask again.\n/,
    );
    expect(stdout).to.match(/\n\n0 broken, \d+ warning, 2 skipped, \d+ ok\n$/);
  });
});
