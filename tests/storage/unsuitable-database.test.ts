import { expect } from 'chai';
import { Client } from 'pg';
import { describeFailure } from '../../src/cli/describe-failure.ts';
import { withMigrators } from '../../src/migrations.ts';
import { openDatabase } from '../../src/storage/database.ts';
import { diagnosePostgres } from '../../src/storage/diagnose-database.ts';
import {
  diagnoseDatabaseSettings,
  judgeSettings,
} from '../../src/storage/diagnose-database-settings.ts';
import { openStorage } from '../../src/storage/open-storage.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createRecordingLog, silentLog } from '../support/log.ts';
import { postgresUrl } from '../support/service-urls.ts';

describe('a PostgreSQL that we cannot live with', () => {
  const role = `unsuitable_${process.pid}`;
  let home: TestDatabase;
  let admin: Client;
  let name: string;
  before(async () => {
    home = await createTestDatabase();
    admin = new Client({ connectionString: home.url });
    await admin.connect();
    const { rows } = await admin.query<{ name: string }>('SELECT current_database() AS name');
    name = rows[0]?.name ?? '';
    await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'x'`);
  });
  after(async () => {
    await admin.query(`DROP OWNED BY ${role}`);
    await admin.query(`DROP ROLE ${role}`);
    await admin.end();
    await home.drop();
  });

  const log = createRecordingLog();
  /** What a start says, which ends here in any case. */
  const startAt = async (url: string): Promise<string> => {
    const stop = new AbortController();
    log.entries.splice(0);
    const starting = openStorage({
      databaseUrl: url,
      redisUrl: undefined,
      dataDir: '/nowhere',
      poolSize: 2,
      role: 'server',
      log: { ...log, warn: (fields, message) => (log.warn(fields, message), stop.abort()) },
      signal: stop.signal,
    });
    return starting.then(
      async (storage) => {
        await storage.close();
        return 'started';
      },
      (error: unknown) => describeFailure(error),
    );
  };

  const doctorAt = async (url: string): Promise<string[]> => {
    const connection = { connectionString: url };
    const db = openDatabase({ connection, poolSize: 1, log: silentLog });
    try {
      const findings = await Promise.all(
        [diagnosePostgres(db), diagnoseDatabaseSettings(db, connection)].map((one) => one.check()),
      );
      return findings.flat().map(({ problem, fix }) => `${problem} ${fix}`);
    } finally {
      await db.close();
    }
  };

  const asRole = () => home.url.replace(/^(\w+:\/\/)[^@]*@/, `$1${role}:x@`);

  for (const encoding of ['LATIN1', 'SQL_ASCII']) {
    it(`B-17 ${encoding}: refused at the start and by doctor, with what to do`, async () => {
      const other = `${name}_${encoding.toLowerCase()}`;
      await admin.query(
        `CREATE DATABASE ${other} ENCODING '${encoding}' LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`,
      );
      try {
        const url = postgresUrl().replace(/^(\w+:\/\/[^/?]*)[^?]*/, `$1/${other}`);
        const line = `The encoding of the database is ${encoding}, not UTF8. Dump it, make one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0, and restore into that.`;
        expect(await startAt(url)).to.equal(line);
        expect(await doctorAt(url)).to.include(line);
      } finally {
        await admin.query(`DROP DATABASE ${other} WITH (FORCE)`);
      }
    });
  }

  const settings: readonly (readonly [setting: string, said: RegExp])[] = [
    ["search_path = 'nowhere'", /^search_path leads to no schema/],
    ['session_replication_role = replica', /^session_replication_role is replica/],
  ];
  for (const [setting, said] of settings) {
    it(`B-17 ${setting}: refused at the start and by doctor, with what to do`, async () => {
      await admin.query(`ALTER DATABASE ${name} SET ${setting}`);
      try {
        expect(await startAt(home.url)).to.match(said);
        expect((await doctorAt(home.url))[0]).to.match(said);
      } finally {
        await admin.query(`ALTER DATABASE ${name} RESET ALL`);
      }
    });
  }

  it('B-17 a standby or a read-only database is waited for, and the log says why', async () => {
    await admin.query(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
    try {
      await startAt(home.url);
      expect(log.entries[0]?.fields).to.deep.include({
        event: 'storage.unreachable',
        reason:
          'PostgreSQL takes no writes: it is a standby or read-only. Let DATABASE_URL lead to the primary, promote this server, or take default_transaction_read_only back.',
      });
    } finally {
      await admin.query(`ALTER DATABASE ${name} RESET ALL`);
    }
  });

  it('B-17 options that PostgreSQL does not know end the start', async () => {
    const joint = home.url.includes('?') ? '&' : '?';
    expect(await startAt(`${home.url}${joint}options=-c%20no_such_thing=1`)).to.equal(
      'PostgreSQL did not answer: unrecognized configuration parameter "no_such_thing"',
    );
  });

  it('B-17 a role without rights: migrations say what to grant, and doctor finds it', async () => {
    const connection = { connectionString: asRole() };
    const migrating = withMigrators({ connection, plugins: [], log: silentLog }, ([core]) =>
      core.up(),
    );
    const said = await migrating.then(
      () => 'migrated',
      (error: unknown) => describeFailure(error),
    );
    expect(said).to.match(/^PostgreSQL: permission denied for .* GRANT USAGE, CREATE ON SCHEMA/);
    expect(said).to.not.contain('\n');
    expect((await doctorAt(asRole())).join('\n')).to.contain(
      'The role may make no tables in the schema public: no migration runs',
    );
  });

  it('B-17 rows that row security hides are found', async () => {
    await admin.query(`GRANT CREATE ON SCHEMA public TO ${role}`);
    await admin.query('ALTER TABLE revocations ENABLE ROW LEVEL SECURITY');
    try {
      expect(await doctorAt(asRole())).to.satisfy((all: string[]) =>
        all.some((one) => one.startsWith('Row security hides rows of revocations: ')),
      );
      expect(await doctorAt(home.url)).to.satisfy((all: string[]) =>
        all.every((one) => !one.startsWith('Row security')),
      );
    } finally {
      await admin.query('ALTER TABLE revocations DISABLE ROW LEVEL SECURITY');
    }
  });

  it('B-17 a PostgreSQL that keeps nothing is found, and B-18 parameters that mean nothing', async () => {
    const fine = { fsync: true, pages: true, may_create: true, schema: 'public', hidden: [] };
    expect(judgeSettings(fine)).to.deep.equal([]);
    const problems = [
      { ...fine, fsync: false },
      { ...fine, pages: false },
    ].flatMap(judgeSettings);
    expect(problems.map(({ severity }) => severity)).to.deep.equal(['warning', 'warning']);
    const joint = home.url.includes('?') ? '&' : '?';
    expect((await doctorAt(`${home.url}${joint}schema=x&pgbouncer=true`)).join()).to.contain(
      'DATABASE_URL has parameters that mean nothing here: schema, pgbouncer.',
    );
  });
});
