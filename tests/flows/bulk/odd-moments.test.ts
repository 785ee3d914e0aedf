/** Bulk work where the database is not as it was planned for: statistics of before, and others who delete the same rows. */
import { expect } from 'chai';
import { BATCH } from '../../../src/kernel/in-batches.ts';
import type { Database } from '../../../src/kernel/store.ts';
import { REST_CLIENT_ID } from '../../../src/oidc/scopes.ts';
import { Clients } from '../../../src/plugins/clients/contract.ts';
import { Users } from '../../../src/plugins/users/contract.ts';
import { createUserModel } from '../../../src/plugins/users/model.ts';
import type { Storage } from '../../../src/storage/open-storage.ts';
import { above, addGrants, addHolders, addSessions, lockWaiters } from '../../support/bulk.ts';
import { eventually } from '../../support/eventually.ts';
import { query } from '../../support/known-user.ts';
import { createUser } from '../../support/people.ts';
import { createRelyingParty } from '../../support/relying-party.ts';
import { createStatementHooks } from '../../support/statement-hooks.ts';
import { startTestApp, type TestApp } from '../../support/test-app.ts';

const COUNT = 4 * BATCH;
/** Milliseconds. */
const YEAR = 365 * 86_400_000;
/** Statements that end or delete a batch of what somebody has. */
const WATCHED =
  /^((grants|sessions)-(end-all|erase)|clients-forget-consents|(login-history|mails|email-links)-erase)$/;
const TABLES = ['grants', 'sessions', 'consents', 'login_history', 'mails', 'email_links'];

interface Plan {
  readonly Plans?: readonly Plan[];
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Join Filter'?: number;
  readonly 'Rows Removed by Filter'?: number;
}

/** Rows that were looked at for nothing. */
const inVain = (plan: Plan): number =>
  ((plan['Rows Removed by Join Filter'] ?? 0) + (plan['Rows Removed by Filter'] ?? 0)) *
    plan['Actual Loops'] +
  (plan.Plans ?? []).reduce((sum, part) => sum + inVain(part), 0);

/** Has PostgreSQL tell what it does for each of these statements, undoes that, and lets them do it. */
function watchPlans() {
  const seen = new Map<string, number>();
  let isOn = false;
  const explained =
    (db: Database): Database['query'] =>
    async (statement, values, transaction) => {
      if (isOn && transaction && WATCHED.test(statement.name)) {
        const run = (sql: string) => db.orm.query(sql, { transaction });
        await run('SAVEPOINT explained');
        const text = `EXPLAIN (ANALYZE, FORMAT JSON) ${statement.text}`;
        const [row] = await db.query<{ 'QUERY PLAN': readonly [{ Plan: Plan }] }>(
          { name: `explain-${statement.name}`, text },
          values,
          transaction,
        );
        await run('ROLLBACK TO SAVEPOINT explained');
        const rows = row ? inVain(row['QUERY PLAN'][0].Plan) : Number.NaN;
        seen.set(statement.name, Math.max(rows, seen.get(statement.name) ?? 0));
      }
      return db.query(statement, values, transaction);
    };
  const turnOn = (): void => {
    isOn = true;
  };
  const wrap = (storage: Storage): Storage => ({
    ...storage,
    db: { ...storage.db, query: explained(storage.db) },
  });
  return { seen, wrap, turnOn };
}

describe('C2 bulk work at odd moments', function () {
  this.timeout(30_000);
  let app: TestApp;
  const plans = watchPlans();

  before(async () => {
    app = await startTestApp({ wrapStorage: plans.wrap });
  });
  after(() => app?.close());

  /** More than a batch of one kind, of somebody of whom nothing else is kept. */
  const MUCH: Readonly<Record<string, { key: string; whose: 'email' | 'id'; insert: string }>> = {
    login_history: {
      key: 'user_id',
      whose: 'id',
      insert: `INSERT INTO login_history (id, user_id, session_id, method, device, ip, auth_date)
        SELECT gen_random_uuid(), $1, n, 'pwd', 'bulk', '192.0.2.1', now() FROM generate_series(1, $2::int) AS n`,
    },
    grants: {
      key: 'user_id',
      whose: 'id',
      insert: `INSERT INTO grants (id, user_id, client_id, payload, created_at, expires_at, ended_at)
        SELECT 'odd-' || n, $1, 'bulk', '{}', now(), now(), now() FROM generate_series(1, $2::int) AS n`,
    },
    mails: {
      key: 'recipient',
      whose: 'email',
      insert: `INSERT INTO mails (id, recipient, template, state, next_attempt_at, created_at)
        SELECT gen_random_uuid(), $1, 'verify-email', 'sent', now(), now() FROM generate_series(1, $2::int)`,
    },
    email_links: {
      key: 'new_email_canonical',
      whose: 'email',
      insert: `INSERT INTO email_links (code_hash, purpose, new_email, new_email_canonical, created_at, expires_at)
        SELECT 'odd-' || n, 'register', $1, $1, now(), now() + interval '1 day' FROM generate_series(1, $2::int) AS n`,
    },
  };
  for (const [table, { key, whose, insert }] of Object.entries(MUCH)) {
    it(`C2 erases all of ${table} where housekeeping deletes some of the same rows meanwhile`, async () => {
      const { database } = app.database;
      const user = await createUser(app);
      // Whoever asked for a new user's address is forgotten by a listener, which must not meet the rows of this test.
      await app.app.idle();
      const id = table === 'email_links' ? 'code_hash' : 'id';
      const value = user[whose];
      await query(app, insert, [value, BATCH + 200]);
      const sweep = {
        name: `odd-sweep-${table}`,
        text: `DELETE FROM ${table} WHERE ${id} IN (SELECT ${id} FROM ${table} WHERE ${key} = $1 LIMIT $2)`,
      };
      const [swept, end] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const sweeping = database.transaction(async (transaction) => {
        await database.query(sweep, [value, 300], transaction);
        swept.resolve();
        await end.promise;
      });
      await swept.promise;
      const deleting = app.app.use(Users).delete(user.id);
      await eventually(async () => (await lockWaiters(database)) > 0);
      end.resolve();
      await Promise.all([sweeping, deleting]);
      expect(await query(app, `SELECT FROM ${table} WHERE ${key} = $1`, [value])).to.deep.equal([]);
    });
  }

  it('C2 does not look at everything for each row of a batch where statistics are of before', async () => {
    // What PostgreSQL knows of the tables is of before this.
    for (const table of TABLES) {
      const partitioned = table === 'login_history';
      if (!partitioned) await query(app, `ALTER TABLE ${table} SET (autovacuum_enabled = false)`);
      await query(app, `ANALYZE ${table}`);
    }
    const { database } = app.database;
    const ids = above(910);
    await addHolders(database, { count: COUNT, ids });
    const { client } = await createRelyingParty(app, { first_party: false });
    const clientId = client.client_id;
    await addGrants(database, { count: COUNT, clientId, users: COUNT, ids });
    await query(
      app,
      `INSERT INTO consents (user_id, client_id, scopes, created_at, updated_at)
        SELECT id, $1, '{openid}', now(), now() FROM users WHERE id::text LIKE $2`,
      [clientId, `${ids}%`],
    );
    const user = await createUser(app);
    await addSessions(database, { count: COUNT, userId: user.id, clientId: REST_CLIENT_ID });
    plans.turnOn();
    await app.app.use(Clients).delete(clientId);
    await app.app.use(Users).delete(user.id);
    expect([...plans.seen.keys()]).to.include.members([
      'grants-end-all',
      'sessions-end-all',
      'clients-forget-consents',
      'grants-erase',
      'sessions-erase',
      'login-history-erase',
    ]);
    for (const [statement, rows] of plans.seen) expect(rows, statement).to.be.at.most(COUNT);
  });

  it('C2 finishes a deletion that was begun by a node whose clock is far ahead', async () => {
    const hooks = createStatementHooks();
    const clock = { now: () => Date.now() + YEAR };
    const own = await startTestApp({ clock, wrapStorage: hooks.wrap });
    try {
      const { id } = await createUser(own);
      const of = { userId: id, clientId: REST_CLIENT_ID };
      await addSessions(own.database.database, { count: 2 * BATCH, ...of });
      const cut = new Error('cut off');
      // Once that is refused as more than a batch, once in the batches.
      hooks.once('before', 'sessions-end-all', () => Promise.reject(cut), 2);
      const failure = await own.app
        .use(Users)
        .delete(id)
        .catch((error: unknown) => error);
      expect(failure).to.equal(cut);
      expect(await createUserModel(own.storage.db).beingDeleted(0, 1)).to.deep.equal([id]);
    } finally {
      await own.close();
    }
  });
});
