import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { DataTypes } from 'sequelize';
import { StoreUnavailable, type Transaction } from '../../src/kernel/store.ts';
import { type OpenDatabase, openDatabase } from '../../src/storage/database.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { createRecordingLog, silentLog } from '../support/log.ts';

const BACKEND = { name: 'backend', text: 'SELECT pg_backend_pid() AS pid' };
const END_OWN_SESSION = { name: 'end', text: 'SELECT pg_terminate_backend(pg_backend_pid())' };
const ADD = { name: 'add', text: 'INSERT INTO things (id) VALUES ($1)' };
const COUNT = { name: 'count', text: 'SELECT count(*)::integer AS count FROM things' };

const SLEEPERS = {
  name: 'sleepers',
  text: `SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND state = 'active' AND query = 'SELECT pg_sleep(60)'`,
};

const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

async function expectUnavailable(work: Promise<unknown>, state?: string): Promise<void> {
  const failure = await failureOf(work);
  expect(failure).to.be.instanceOf(StoreUnavailable);
  const { cause } = failure as Error;
  expect(cause).to.be.instanceOf(Error);
  if (state) {
    const { original } = cause as { original?: object };
    expect(original ?? cause).to.have.property('code', state);
  }
}

describe('database', function () {
  this.timeout(10_000);
  let home: TestDatabase;
  let database: OpenDatabase;

  const open = (options: Partial<Parameters<typeof openDatabase>[0]> = {}) =>
    openDatabase({
      connection: { connectionString: home.url },
      poolSize: 2,
      log: silentLog,
      ...options,
    });

  const count = async () => (await database.query<{ count: number }>(COUNT, []))[0]?.count;
  const add = (transaction?: Transaction) => database.query(ADD, [randomUUID()], transaction);

  before(async () => {
    home = await createTestDatabase({ empty: true });
    await home.database.query({ name: 'make', text: 'CREATE TABLE things (id uuid)' }, []);
  });

  after(() => home.drop());

  beforeEach(async () => {
    await home.database.query({ name: 'clear', text: 'TRUNCATE things' }, []);
    database = open();
  });

  afterEach(() => database.close());

  describe('query', () => {
    it('returns rows, and reuses the plan under its name', async () => {
      const statement = { name: 'sum', text: 'SELECT $1::integer + $2::integer AS sum' };
      expect(await database.query(statement, [1, 2])).to.deep.equal([{ sum: 3 }]);
      expect(await database.query(statement, [3, 4])).to.deep.equal([{ sum: 7 }]);
      const plans = {
        name: 'plans',
        text: 'SELECT name FROM pg_prepared_statements ORDER BY name',
      };
      expect(await database.query(plans, [])).to.deep.equal([{ name: 'plans' }, { name: 'sum' }]);
    });

    it('throws failures of the statement itself as they are', async () => {
      const failure = await failureOf(database.query({ name: 'bad', text: 'SELECT 1 / 0' }, []));
      expect(failure).to.not.be.instanceOf(StoreUnavailable);
      expect(failure).to.have.property('code', '22012');
    });

    it('runs again, unnoticed, after a migration changed what a plan returns', async () => {
      const all = { name: 'all', text: 'SELECT * FROM changing' };
      await home.database.query({ name: 'c', text: 'CREATE TABLE changing (a integer)' }, []);
      // Both connections of the pool know the plan.
      await Promise.all([database.query(all, []), database.query(all, [])]);
      await home.database.query({ name: 'd', text: 'ALTER TABLE changing ADD b integer' }, []);
      await home.database.query({ name: 'e', text: 'INSERT INTO changing VALUES (1, 2)' }, []);
      const read = () => database.query(all, []);
      expect(await Promise.all([read(), read(), read()])).to.deep.equal(
        Array(3).fill([{ a: 1, b: 2 }]),
      );
      const inTransaction = () => database.transaction((tx) => database.query(all, [], tx));
      await home.database.query({ name: 'f', text: 'ALTER TABLE changing ADD c integer' }, []);
      expect(await inTransaction()).to.deep.equal([{ a: 1, b: 2, c: null }]);
    });
  });

  describe('transaction', () => {
    it('commits what the work did', async () => {
      expect(await database.transaction(async (tx) => [await add(tx), 'result'][1])).to.equal(
        'result',
      );
      expect(await count()).to.equal(1);
    });

    it('runs in READ COMMITTED, ORM calls included', async () => {
      const level = await database.transaction((transaction) =>
        database.orm.query('SHOW transaction_isolation', { transaction, plain: true }),
      );
      expect(level).to.deep.equal({ transaction_isolation: 'read committed' });
    });

    it('undoes everything when the work fails, and says why', async () => {
      const reason = new Error('no');
      const failure = await failureOf(
        database.transaction(async (tx) => {
          await add(tx);
          throw reason;
        }),
      );
      expect(failure).to.equal(reason);
      expect(await count()).to.equal(0);
    });

    it('does not take a transaction for committed whose failed statement was ignored', async () => {
      const failure = await failureOf(
        database.transaction(async (tx) => {
          await add(tx);
          await failureOf(database.query({ name: 'bad', text: 'SELECT 1 / 0' }, [], tx));
        }),
      );
      expect(failure).to.be.instanceOf(Error);
      expect(await count()).to.equal(0);
    });

    it('runs afterCommit hooks after a commit only', async () => {
      const told: string[] = [];
      await database.transaction(async (tx) => tx.afterCommit(() => void told.push('committed')));
      await failureOf(
        database.transaction(async (tx) => {
          tx.afterCommit(() => void told.push('failed'));
          throw new Error('no');
        }),
      );
      expect(told).to.deep.equal(['committed']);
    });

    it('C11 a hook that fails is logged with its reason: what was committed stands, is done once, and other hooks run', async () => {
      const log = createRecordingLog();
      const hooked = open({ log });
      const told: string[] = [];
      let runs = 0;
      // What PostgreSQL says of a conflict, which would be run again had it come before the commit.
      const conflict = Object.assign(new Error('could not serialize'), { code: '40001' });
      const result = await hooked.transaction(async (tx) => {
        runs += 1;
        await hooked.query(ADD, [randomUUID()], tx);
        tx.afterCommit(() => {
          throw conflict;
        });
        tx.afterCommit(() => Promise.reject(new StoreUnavailable('gone')));
        tx.afterCommit(() => void told.push('last'));
        return 'result';
      });
      expect([result, runs, told, await count()]).to.deep.equal(['result', 1, ['last'], 1]);
      const failures = log.entries.map(({ level, fields }) => ({ level, ...fields }));
      expect(failures).to.deep.equal([
        { level: 'error', event: 'transaction.hook_failed', err: conflict },
        { level: 'error', event: 'transaction.hook_failed', err: new StoreUnavailable('gone') },
      ]);
      await hooked.close();
    });

    it('gives its connection back, whatever happened', async () => {
      for (let round = 0; round < 5; round += 1) {
        await database.transaction(async (tx) => add(tx));
        await failureOf(database.transaction(() => Promise.reject(new Error('no'))));
      }
      await database.ping();
    });

    const conflict = {
      name: 'conflict',
      text: `DO $$ BEGIN RAISE 'again' USING ERRCODE = '40001'; END $$`,
    };

    it('runs the work again after a serialization failure', async () => {
      const log = createRecordingLog();
      const retrying = open({ log });
      let runs = 0;
      await retrying.transaction(async (tx) => {
        await retrying.query(ADD, [randomUUID()], tx);
        runs += 1;
        if (runs < 3) await retrying.query(conflict, [], tx);
      });
      expect(runs).to.equal(3);
      expect(await count()).to.equal(1);
      expect(log.entries.map(({ fields }) => fields)).to.deep.equal([
        { event: 'transaction.retried', retries: 0 },
        { event: 'transaction.retried', retries: 1 },
      ]);
      await retrying.close();
    });

    it('gives up after two retries', async () => {
      let runs = 0;
      const always = database.transaction(async (tx) => {
        runs += 1;
        await database.query(conflict, [], tx);
      });
      await expectUnavailable(always, '40001');
      expect(runs).to.equal(3);
    });

    it('resolves a real deadlock by running one of the two again', async () => {
      const [one, two] = [randomUUID(), randomUUID()];
      await database.query(ADD, [one]);
      await database.query(ADD, [two]);
      const touch = { name: 'touch', text: 'UPDATE things SET id = id WHERE id = $1' };
      let arrived = 0;
      let meet: () => void = () => {};
      const met = new Promise<void>((resolve) => {
        meet = resolve;
      });
      const crossing = (first: string, second: string) =>
        database.transaction(async (tx) => {
          await database.query(touch, [first], tx);
          arrived += 1;
          if (arrived === 2) meet();
          await met;
          await database.query(touch, [second], tx);
        });
      await Promise.all([crossing(one, two), crossing(two, one)]);
      expect(arrived).to.equal(3);
    });
  });

  describe('without PostgreSQL', () => {
    const Thing = (orm: OpenDatabase['orm']) =>
      orm.define(
        'thing',
        { id: { type: DataTypes.UUID, primaryKey: true } },
        { timestamps: false },
      );

    it('is unavailable in query, transaction, ORM calls and ping, at once', async () => {
      for (const connection of [
        { connectionString: 'postgres://nobody@127.0.0.1:1/none' },
        { host: '/nowhere', port: 5432, user: 'nobody', database: 'none' },
      ]) {
        const lost = open({ connection });
        const start = performance.now();
        await expectUnavailable(lost.query(BACKEND, []));
        await expectUnavailable(lost.transaction(async () => undefined));
        await expectUnavailable(lost.ping());
        await expectUnavailable(Thing(lost.orm).findAll());
        await expectUnavailable(lost.orm.transaction());
        expect(performance.now() - start).to.be.lessThan(1_000);
        await lost.close();
      }
    });

    it('is unavailable when the pool is exhausted for 2 s', async () => {
      const small = open({ poolSize: 1 });
      await small.transaction(async () => {
        const start = performance.now();
        const query = expectUnavailable(small.query(BACKEND, []));
        await Promise.all([query, expectUnavailable(Thing(small.orm).findAll())]);
        expect(performance.now() - start).to.be.within(1_900, 3_000);
      });
      await small.close();
    });

    it('is unavailable for a statement that takes too long', async () => {
      const hasty = open({ statementTimeout: 100 });
      await expectUnavailable(
        hasty.query({ name: 'slow', text: 'SELECT pg_sleep(5)' }, []),
        '57014',
      );
      await expectUnavailable(hasty.orm.query('SELECT pg_sleep(5)'), '57014');
      await hasty.ping();
      await hasty.close();
    });

    it('does not use a connection again that PostgreSQL ended', async () => {
      const single = open({ poolSize: 1 });
      const endings: readonly (() => Promise<unknown>)[] = [
        () => single.query(END_OWN_SESSION, []),
        () => single.orm.query(END_OWN_SESSION.text),
        () => single.transaction((tx) => single.query(END_OWN_SESSION, [], tx)),
        () =>
          single.transaction((transaction) =>
            single.orm.query(END_OWN_SESSION.text, { transaction }),
          ),
      ];
      for (const end of endings) {
        await expectUnavailable(end(), '57P01');
        await single.query(BACKEND, []);
      }
      await single.close();
    });

    it('does not use a connection again that was ended while it was idle', async () => {
      const single = open({ poolSize: 1 });
      const [own] = await single.query<{ pid: number }>(BACKEND, []);
      await home.database.query({ name: 'kill', text: 'SELECT pg_terminate_backend($1, 5000)' }, [
        own?.pid,
      ]);
      const [next] = await single.query<{ pid: number }>(BACKEND, []);
      expect(next?.pid).to.be.a('number').not.equal(own?.pid);
      await single.close();
    });

    it('fails the rest of a transaction at once whose connection is lost', async () => {
      await expectUnavailable(
        database.transaction(async (transaction) => {
          await failureOf(database.query(END_OWN_SESSION, [], transaction));
          await expectUnavailable(database.query(BACKEND, [], transaction));
          await database.orm.query('SELECT 1', { transaction });
        }),
      );
      expect(await count()).to.equal(0);
    });

    it('is unavailable after close', async () => {
      const closed = open();
      await closed.ping();
      await closed.close();
      await expectUnavailable(closed.ping());
      await expectUnavailable(Thing(closed.orm).findAll());
    });

    it('closes in time, whatever still runs', async () => {
      const busy = open();
      const slow = busy.query({ name: 'slow', text: 'SELECT pg_sleep(60)' }, []);
      const failed = expectUnavailable(slow);
      await eventually(async () => (await home.database.query(SLEEPERS, [])).length === 1);
      const start = performance.now();
      await busy.close();
      expect(performance.now() - start).to.be.within(1_000, 4_500);
      await failed;
    });
  });
});
