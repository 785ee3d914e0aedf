/** What stands between us and PostgreSQL: Debian's PgBouncer, in each of its modes. */
import { createRequire } from 'node:module';
import path from 'node:path';
import { expect } from 'chai';
import { Client } from 'pg';
import { openDatabase } from '../../src/storage/database.ts';
import { openStorage } from '../../src/storage/open-storage.ts';
import { refuseSharedSessions } from '../../src/storage/session-probe.ts';
import { authsrv } from '../support/authsrv.ts';
import type { Browser } from '../support/browser.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { freePort } from '../support/free-port.ts';
import { createRecordingLog, silentLog } from '../support/log.ts';
import { PASSWORD } from '../support/people.ts';
import { findPgBouncer, type PgBouncer, startPgBouncer } from '../support/pgbouncer.ts';
import { SECRET_KEY, startServerProcess } from '../support/server-process.ts';
import { postgresUrl } from '../support/service-urls.ts';

const ROOT = path.join(import.meta.dirname, '../..');
const SEQUELIZE_CLI = createRequire(import.meta.url).resolve('sequelize-cli/lib/sequelize');

const failureOf = (work: Promise<unknown>): Promise<Error | undefined> =>
  work.then(
    () => undefined,
    (error: Error) => error,
  );

describe('poolers', function () {
  this.timeout(60_000);
  let program: string;
  let empty: TestDatabase;
  before(async function () {
    program = (await findPgBouncer()) ?? this.skip();
    empty = await createTestDatabase({ empty: true });
  });
  after(() => empty?.drop());

  const sequelizeCli = (DATABASE_URL: string) =>
    authsrv(['db:migrate'], { env: { DATABASE_URL }, program: SEQUELIZE_CLI, cwd: ROOT }).then(
      ({ code, stdout, stderr }) => ({ code, output: `${stdout}${stderr}` }),
    );

  const nameOf = ({ url }: TestDatabase) => /\/(auth_test_\w+)/.exec(url)?.[1] ?? '';

  const through = async (
    settings: Readonly<Record<string, string>>,
    work: (pooler: PgBouncer) => Promise<void>,
  ): Promise<void> => {
    const pooler = await startPgBouncer(program, postgresUrl(), settings);
    try {
      await work(pooler);
    } finally {
      await pooler.stop();
    }
  };

  it('B-12 PgBouncer with its defaults, which is session mode, works: migrations, server, CLI, doctor, messages', () =>
    through({}, async (pooler) => {
      const settings = { DATABASE_URL: pooler.url(nameOf(empty)), SECRET_KEY };
      expect((await sequelizeCli(settings.DATABASE_URL)).output).to.contain('migrated');
      const server = await startServerProcess({ databaseUrl: settings.DATABASE_URL });
      try {
        const person = { email: 'ann@example.com', password: PASSWORD };
        const browser: Browser = server.browser();
        for (const path of ['/auth/register', '/auth/login', '/auth/refresh']) {
          const answer = await browser.request(path, { json: person });
          expect(answer.status, `${path} ${answer.text}`).to.be.within(200, 204);
        }
        const PORT = /\d+$/.exec(server.socket)?.[0] ?? '';
        const env = { ...settings, PORT, PUBLIC_URL: server.issuer };
        const { code, stdout } = await authsrv(['doctor', '--json'], { env });
        const { checks } = JSON.parse(stdout) as { checks: { name: string; findings: object[] }[] };
        for (const name of ['postgresql', 'connections', 'migrations']) {
          const check = checks.find((one) => one.name === name);
          expect(check?.findings, name).to.deep.equal([]);
        }
        expect(code).to.equal(0);
      } finally {
        expect(await server.stop()).to.equal(0);
      }
    }));

  it('B-12 DISCARD ALL between clients hurts nobody: statements, messages and locks of one are not those of the next', () =>
    through({ default_pool_size: '4' }, async (pooler) => {
      const connection = { connectionString: pooler.url(nameOf(empty)) };
      for (let client = 0; client < 3; client += 1) {
        await refuseSharedSessions(connection);
        const database = openDatabase({ connection, poolSize: 2, log: silentLog });
        const { rows } = await database.transaction(async (transaction) => ({
          rows: await database.query<{ timeout: string; locked: boolean }>(
            {
              name: 'one-of-many',
              text: `SELECT current_setting('statement_timeout') AS timeout, pg_try_advisory_lock(1) AS locked`,
            },
            [],
            transaction,
          ),
        }));
        expect(rows).to.deep.equal([{ timeout: '5s', locked: true }]);
        await database.close();
      }
    }));

  for (const mode of ['transaction', 'statement']) {
    it(`B-12 PgBouncer in ${mode} mode ends the start, a command and sequelize-cli with one line, and nothing was written or left`, () =>
      through({ pool_mode: mode }, async (pooler) => {
        const url = pooler.url(nameOf(empty));
        const log = createRecordingLog();
        const options = { dataDir: '/nowhere', poolSize: 2, role: 'server', log } as const;
        const failure = await failureOf(
          openStorage({ ...options, databaseUrl: url, redisUrl: undefined }),
        );
        expect(failure?.message).to.match(/^PostgreSQL is behind a pooler .* pool_mode = session/);
        expect(log.entries).to.deep.equal([]);
        const env = { DATABASE_URL: url, SECRET_KEY, PORT: String(await freePort()) };
        expect(await sequelizeCli(url))
          .to.deep.include({ code: 1 })
          .and.to.have.property('output')
          .that.contains(`ERROR: ${failure?.message}\n`)
          .and.does.not.match(/ at .*:\d+/);
        const command = mode === 'statement' ? ['migrate', 'up'] : ['start'];
        const { code, stdout, stderr } = await authsrv(command, { env });
        expect({ code, stdout }).to.deep.equal({ code: 1, stdout: '' });
        expect(stderr).to.equal(`${failure?.message}\n`);
        const left = new Client({ connectionString: url });
        await left.connect();
        const { rows } = await left.query(
          `SELECT current_setting('statement_timeout') AS timeout, (SELECT count(*)::int FROM pg_prepared_statements) AS statements`,
        );
        await left.end();
        expect(rows).to.deep.equal([{ timeout: '0', statements: 0 }]);
      }));
  }

  it('B-12 is told by whatever way servers are shared, also while others use them', () =>
    through({ pool_mode: 'transaction', server_round_robin: '1' }, async (pooler) => {
      const connection = { connectionString: pooler.url(nameOf(empty)) };
      const others = await Promise.all(
        Array.from({ length: 5 }, async () => {
          const client = new Client(connection);
          await client.connect();
          return client;
        }),
      );
      let isOver = false;
      const busy = others.map(async (client) => {
        while (!isOver) await client.query('SELECT pg_sleep(0.002)');
      });
      const failures = await Promise.all(
        Array.from({ length: 5 }, () => failureOf(refuseSharedSessions(connection))),
      );
      isOver = true;
      await Promise.all(busy);
      await Promise.all(others.map((client) => client.end()));
      for (const failure of failures) expect(failure?.name).to.equal('UnsuitableDatabase');
    }));

  for (const open of [1, 2, 3]) {
    it(`B-12 is told of servers that take turns while nobody else is there: ${open} of them`, () =>
      through({ pool_mode: 'transaction', server_round_robin: '1' }, async (pooler) => {
        const connection = { connectionString: pooler.url(nameOf(empty)) };
        const clients = Array.from({ length: open }, () => new Client(connection));
        const all = (work: (client: Client) => Promise<unknown>) =>
          Promise.all(clients.map((client) => work(client)));
        await all((client) => client.connect());
        await all((client) => client.query('BEGIN'));
        await all((client) => client.query('COMMIT'));
        await all((client) => client.end());
        const failure = await failureOf(refuseSharedSessions(connection));
        expect(failure?.name).to.equal('UnsuitableDatabase');
      }));
  }

  it('B-12 a direct connection and a session pooler are never taken for one that shares, however busy', () =>
    through({ default_pool_size: '30' }, async (pooler) => {
      for (const url of [empty.url, pooler.url(nameOf(empty))]) {
        const probes = Array.from({ length: 8 }, () =>
          refuseSharedSessions({ connectionString: url }),
        );
        await Promise.all(probes);
      }
    }));

  it('B-12 names sessions that are not cleaned between clients, and a parameter that the pooler does not take', async () => {
    await through({ server_reset_query: '' }, async (pooler) => {
      const connection = { connectionString: pooler.url(nameOf(empty)) };
      const database = openDatabase({ connection, poolSize: 1, log: silentLog });
      await database.ping();
      await database.close();
      const failure = await failureOf(refuseSharedSessions(connection));
      expect(failure?.message).to.match(/server_reset_query = DISCARD ALL/);
      const withOptions = {
        connectionString: `${connection.connectionString}?options=-c%20geqo=off`,
      };
      expect((await failureOf(refuseSharedSessions(withOptions)))?.message).to.equal(
        'The pooler before PostgreSQL says "unsupported startup parameter: options". Take it out of DATABASE_URL and PGOPTIONS, or let the pooler pass it (ignore_startup_parameters of PgBouncer).',
      );
    });
  });
});
