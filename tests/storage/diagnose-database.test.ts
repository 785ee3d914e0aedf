import { expect } from 'chai';
import type { Database } from '../../src/kernel/store.ts';
import { openDatabase } from '../../src/storage/database.ts';
import {
  countListeners,
  databaseTime,
  diagnoseConnections,
  diagnosePostgres,
  judgeConnections,
} from '../../src/storage/diagnose-database.ts';
import { openListenClient } from '../../src/storage/postgres-listener.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { silentLog } from '../support/log.ts';
import { postgresUrl } from '../support/service-urls.ts';

/** What a good one says of itself. */
const FACTS = {
  version: '15.1',
  number: 150_001,
  readonly: false,
  encoding: 'UTF8',
  schema: 'public',
  replication_role: 'origin',
};

describe('diagnosis of PostgreSQL', () => {
  let test: TestDatabase;
  before(async () => {
    test = await createTestDatabase();
  });
  after(() => test.drop());

  const diagnose = async (db: Database) => {
    const findings = await diagnosePostgres(db).check();
    return findings.map(({ severity, problem, fix }) => `${severity}: ${problem} ${fix}`);
  };

  const at = async (url: string) => {
    const connection = { connectionString: url };
    const database = openDatabase({ connection, poolSize: 2, log: silentLog });
    try {
      return await diagnose(database);
    } finally {
      await database.close();
    }
  };

  it('finds nothing wrong with the one of the tests', async () => {
    expect(await diagnose(test.database)).to.deep.equal([]);
    const pools = { each: 11, processes: async () => 2 };
    expect(await diagnoseConnections(test.database, pools).check()).to.deep.equal([]);
    expect(Math.abs((await databaseTime(test.database)) - Date.now())).to.be.lessThan(30_000);
  });

  it('finds an old one', async () => {
    const row = { ...FACTS, version: '14.9', number: 140_009 };
    const old = { query: async () => [row] } as unknown as Database;
    expect(await diagnose(old)).to.deep.equal([
      'broken: PostgreSQL is 14.9. Upgrade it to 15 or newer.',
    ]);
  });

  it('finds one that takes no writes', async () => {
    const [, name = ''] = /\/(auth_test_\w+)/.exec(test.url) ?? [];
    await test.database.orm.query(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
    const [finding] = await at(test.url);
    await test.database.orm.query(`ALTER DATABASE ${name} RESET default_transaction_read_only`);
    expect(finding).to.match(/^broken: PostgreSQL takes no writes/);
  });

  it('finds one that is not there, and one without the database', async () => {
    expect(await at('postgres://127.0.0.1:1/auth')).to.deep.equal([
      'broken: PostgreSQL: connect ECONNREFUSED 127.0.0.1:1. Start PostgreSQL, or correct DATABASE_URL.',
    ]);
    const [finding] = await at(postgresUrl().replace(/^(\w+:\/\/[^/?]*)[^?]*/, '$1/nowhere'));
    expect(finding).to.match(/"nowhere" does not exist\. Create that database/);
  });

  it('finds pools that are larger than it allows', async () => {
    const pools = { each: 201, processes: async () => 1 };
    const [finding] = await diagnoseConnections(test.database, pools).check();
    expect(finding?.severity).to.equal('broken');
    expect(finding?.problem).to.match(
      /^1 process with DATABASE_POOL=200 may open 201 connections; PostgreSQL allows \d+\.$/,
    );
  });

  it('counts with a limit of the database, and with the processes that listen', async () => {
    const [, name = ''] = /\/(auth_test_\w+)/.exec(test.url) ?? [];
    expect(await countListeners(test.database)).to.equal(0);
    const listener = await openListenClient({ connectionString: test.url });
    expect(await countListeners(test.database)).to.equal(1);
    await listener.end();
    await test.database.orm.query(`ALTER DATABASE ${name} CONNECTION LIMIT 20`);
    const pools = { each: 11, processes: async () => 2 };
    const [finding] = await diagnoseConnections(test.database, pools).check();
    await test.database.orm.query(`ALTER DATABASE ${name} CONNECTION LIMIT -1`);
    expect(finding?.problem).to.contain('may open 22 connections; PostgreSQL allows 20.');
  });

  it('finds no room for a restart, and connections of others', () => {
    const judge = (processes: number, used: number) =>
      judgeConnections({ each: 11, processes, room: 97, used }).map(({ problem }) => problem);
    expect(judge(7, 50)).to.deep.equal([]);
    expect(judge(8, 50)).to.deep.equal([
      '8 processes with DATABASE_POOL=10 may open 88 connections of 97: there is no room for one more during a restart.',
    ]);
    expect(judge(9, 50)[0]).to.contain('may open 99 connections; PostgreSQL allows 97.');
    expect(judge(2, 90)).to.deep.equal(['90 of 97 connections of PostgreSQL are in use.']);
  });
});
