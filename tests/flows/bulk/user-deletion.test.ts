/** Users with three batches of sessions, sign-ins and grants are deleted, disabled, signed out; nobody waits for more than one. */
import { expect } from 'chai';
import { z } from 'zod';
import { on } from '../../../src/kernel/events.ts';
import { BATCH } from '../../../src/kernel/in-batches.ts';
import { definePlugin } from '../../../src/kernel/plugin.ts';
import { StoreUnavailable } from '../../../src/kernel/store.ts';
import { REST_CLIENT_ID } from '../../../src/oidc/scopes.ts';
import { Roles } from '../../../src/plugins/roles/contract.ts';
import { SessionEnded, Sessions } from '../../../src/plugins/sessions/contract.ts';
import { type User, UserDeleted, Users } from '../../../src/plugins/users/contract.ts';
import { createUserModel } from '../../../src/plugins/users/model.ts';
import {
  createFinishDeletions,
  diagnoseDeletions,
} from '../../../src/plugins/users/service/finish-deletions.ts';
import type { Browser } from '../../support/browser.ts';
import { addSessions, lockWaiters } from '../../support/bulk.ts';
import { eventually } from '../../support/eventually.ts';
import { countRows, query } from '../../support/known-user.ts';
import { createRecordingLog } from '../../support/log.ts';
import { createUser, login, PASSWORD, signedInBrowser } from '../../support/people.ts';
import { createStatementHooks, type StatementHooks } from '../../support/statement-hooks.ts';
import {
  batchesOf,
  expectBatches,
  type StatementWork,
  type WorkWatch,
  watchWork,
} from '../../support/statement-work.ts';
import { startTestApp, type TestApp } from '../../support/test-app.ts';
import { createUserAdmin, type UserAdmin } from '../../support/user-admin.ts';

/** The third batch is half full. */
const COUNT = 2.5 * BATCH;
const BATCHES = [BATCH, BATCH, BATCH / 2];
const SESSIONS_AT_ONCE = Array.from({ length: 5 }, () => BATCH / 2);
const TABLES = ['sessions', 'grants', 'login_history', 'revocations'];
const LIMIT = 5;

/** Without what this node reads every 5 s. */
const changesOf = (work: readonly StatementWork[]): readonly StatementWork[] =>
  work.filter(({ statement }) => !/^(revocations-(changes|page)|lifetimes)/.test(statement));

describe('C2 end of a user of whom much is kept', function () {
  this.timeout(30_000);
  let app: TestApp;
  let hooks: StatementHooks;
  let watch: WorkWatch;
  let admin: UserAdmin;
  let endedSessions: string[] = [];
  let deleted: string[] = [];
  const listener = definePlugin({
    name: 'counts-ends',
    kernel: 1,
    settings: z.object({}),
    setup: () => ({
      listeners: [
        on(SessionEnded, ({ sessionId }) => void endedSessions.push(sessionId)),
        on(UserDeleted, ({ userId }) => void deleted.push(userId)),
      ],
    }),
  });

  before(async () => {
    hooks = createStatementHooks();
    watch = watchWork(TABLES);
    app = await startTestApp({
      plugins: [listener],
      settings: { SESSIONS_PER_USER: '10000' },
      wrapStorage: (storage) => hooks.wrap(watch.wrap(storage)),
    });
    admin = await createUserAdmin(app);
  });
  after(() => app?.close());
  beforeEach(() => {
    endedSessions = [];
    deleted = [];
  });

  const users = () => app.app.use(Users);

  async function largeUser(
    roles: readonly string[] = [],
  ): Promise<{ user: User; browser: Browser }> {
    const user = await createUser(app, roles);
    const browser = await signedInBrowser(app, user);
    const of = { userId: user.id, clientId: REST_CLIENT_ID };
    await addSessions(app.database.database, { count: COUNT, ...of });
    return { user, browser };
  }

  const liveOn = async (node: TestApp, userId: string) => {
    const [row] = await query<{ sessions: number; grants: number; denied: number }>(
      node,
      `SELECT (SELECT count(*)::int FROM sessions WHERE user_id = $1 AND ended_at IS NULL) AS sessions,
        (SELECT count(*)::int FROM grants WHERE user_id = $1 AND ended_at IS NULL) AS grants,
        (SELECT count(*)::int FROM sessions JOIN revocations ON sid = sessions.id WHERE user_id = $1) AS denied`,
      [userId],
    );
    return row;
  };
  const live = (userId: string) => liveOn(app, userId);

  const keepHouse = () =>
    createFinishDeletions({
      users: createUserModel(app.storage.db),
      remove: users().delete,
      log: createRecordingLog(),
    })();

  it('C2 deletes a batch at a time: sessions, grants, sign-ins, mails, and the user last', async () => {
    const { user } = await largeUser();
    await query(
      app,
      `INSERT INTO mails (id, recipient, template, state, next_attempt_at, created_at)
        SELECT gen_random_uuid(), $1, 'verify-email', 'sent', now(), now() FROM generate_series(1, $2::int)`,
      [user.email, COUNT],
    );
    // Watched, it takes longer than a request waits.
    const work = await watch.during(() => users().delete(user.id));
    expectBatches(changesOf(work));
    const erased = work.filter(({ statement }) => statement === 'login-history-erase');
    expect(erased.map(({ rows }) => rows).slice(0, 3)).to.deep.equal([BATCH, BATCH, BATCH / 2 + 1]);
    const rows = await countRows(app, user.id);
    expect(rows).to.deep.equal(Object.fromEntries(Object.keys(rows).map((table) => [table, 0])));
    for (const [table, column] of Object.entries({ mails: 'recipient', users: 'email' })) {
      const left = await query(app, `SELECT FROM ${table} WHERE ${column} = $1`, [user.email]);
      expect(left, table).to.deep.equal([]);
    }
    expect(new Set(endedSessions).size).to.equal(COUNT + 1);
    expect(endedSessions.length, 'each is told of once').to.equal(COUNT + 1);
    expect(deleted).to.deep.equal([user.id]);
  });

  it('C2 one that is refused erases nothing, ends nothing and marks nobody', async () => {
    const own = await startTestApp({ plugins: [listener] });
    try {
      const last = await createUser(own, ['superuser']);
      const of = { count: COUNT, userId: last.id, clientId: REST_CLIENT_ID };
      await addSessions(own.database.database, of);
      const failure = await own.app
        .use(Users)
        .delete(last.id)
        .catch((error: Error) => error.message);
      expect(failure).to.contain('last active superuser');
      const [row] = await query<{ live: number }>(
        own,
        'SELECT count(*)::int AS live FROM sessions WHERE user_id = $1 AND ended_at IS NULL',
        [last.id],
      );
      expect(row).to.deep.equal({ live: COUNT });
      expect(await own.app.use(Users).find(last.id)).to.include({
        disabledAt: null,
        deletingAt: null,
      });
      expect(await own.app.use(Roles).namesOf(last.id)).to.deep.equal(['superuser']);
    } finally {
      await own.close();
    }
  });

  it('C2 one that was cut off keeps the user out, says so, and is finished by housekeeping', async () => {
    const { user, browser } = await largeUser();
    const lost = () => Promise.reject(new StoreUnavailable('lost'));
    hooks.once('after', 'login-history-erase', lost, 3);
    expect((await admin.remove(user.id)).status).to.equal(503);
    const shown = (await admin.show(user.id)) as unknown as Record<string, unknown>;
    expect(shown['deleting_at']).to.be.a('string');
    expect(shown['disabled']).to.equal(true);
    const enabled = await admin.setDisabled(user.id, false);
    expect([enabled.status, enabled.json()['type']]).to.deep.equal([
      409,
      'urn:problem:users:being-deleted',
    ]);
    expect((await login(app.browser(), user)).status).to.equal(401);
    expect((await browser.request('/auth/me')).status).to.equal(401);
    const again = { email: user.email, password: PASSWORD };
    const failure = await users()
      .register(again)
      .catch((error: Error) => error.message);
    expect(failure).to.contain('already a user with this e-mail address');
    expect(await live(user.id)).to.include({ sessions: 0, grants: 0 });
    expect(deleted).to.deep.equal([]);

    const diagnosis = diagnoseDeletions(createUserModel(app.storage.db));
    expect(await diagnosis.check()).to.deep.equal([]);
    await query(
      app,
      `UPDATE users SET deleting_at = deleting_at - interval '2 hours' WHERE id = $1`,
      [user.id],
    );
    expect((await diagnosis.check()).map(({ severity }) => severity)).to.deep.equal(['warning']);
    await keepHouse();
    expect(deleted).to.deep.equal([user.id]);
    expect(await users().find(user.id)).to.equal(undefined);
    const rows = await countRows(app, user.id);
    expect(rows['login_history']).to.equal(0);
    expect((await users().register(again)).id).to.not.equal(user.id);
  });

  it('C2 housekeeping passes over one that cannot be finished', async () => {
    const clings = await largeUser();
    const { user } = await largeUser();
    const lost = () => Promise.reject(new StoreUnavailable('lost'));
    for (const one of [clings.user, user]) {
      hooks.once('after', 'login-history-erase', lost, 3);
      expect((await admin.remove(one.id)).status).to.equal(503);
    }
    await query(app, 'CREATE TABLE test_clings (owner uuid REFERENCES users ON DELETE RESTRICT)');
    await query(app, 'INSERT INTO test_clings (owner) VALUES ($1)', [clings.user.id]);
    await keepHouse();
    expect(deleted).to.deep.equal([user.id]);
    await query(app, 'DROP TABLE test_clings');
    await keepHouse();
    expect(deleted).to.deep.equal([user.id, clings.user.id]);
  });

  it('C2 deletions and housekeeping at once erase it once, and all end well', async () => {
    const { user } = await largeUser();
    const marked = hooks.hold('before', 'grants-erase');
    const first = users().delete(user.id);
    await marked.reached;
    const others = [users().delete(user.id), keepHouse(), keepHouse()];
    marked.release();
    await Promise.all([first, ...others]);
    expect(deleted).to.deep.equal([user.id]);
    const rows = await countRows(app, user.id);
    expect(rows).to.deep.equal(Object.fromEntries(Object.keys(rows).map((table) => [table, 0])));
  });

  it('C2 disabling and “end all others” end them in batches, and keep what they keep', async () => {
    const { user, browser } = await largeUser();
    const others = await watch.during(async () => {
      const answer = await browser.request('/auth/sessions', { method: 'DELETE' });
      expect(answer.status).to.equal(204);
    });
    expectBatches(changesOf(others));
    expect(batchesOf(others, 'sessions')).to.deep.equal([...SESSIONS_AT_ONCE, 1]);
    expect(await live(user.id)).to.deep.equal({ sessions: 1, grants: 1, denied: COUNT });
    expect((await browser.request('/auth/me')).status).to.equal(200);

    const second = await largeUser();
    const work = await watch.during(async () => {
      expect((await admin.setDisabled(second.user.id, true)).status).to.equal(200);
    });
    expectBatches(changesOf(work));
    expect(batchesOf(work, 'grants').slice(0, 3)).to.deep.equal([BATCH, BATCH, BATCH / 2 + 1]);
    expect(await live(second.user.id)).to.deep.equal({
      sessions: 0,
      grants: 0,
      denied: COUNT + 1,
    });
  });

  it('C2 SEC-10 a change of password ends every batch, and whatever came meanwhile', async () => {
    const { user, browser } = await largeUser();
    let thief: Browser | undefined;
    hooks.once(
      'after',
      'sessions-end-all',
      async () => {
        thief = await signedInBrowser(app, user);
      },
      3,
    );
    const answer = await browser.request('/auth/password', {
      method: 'PUT',
      json: { current_password: PASSWORD, new_password: 'nine loud ravens dive' },
    });
    expect(answer.status).to.equal(204);
    expect((await thief?.request('/auth/me'))?.status).to.equal(401);
    expect((await browser.request('/auth/me')).status).to.equal(200);
    expect(await live(user.id)).to.include({ sessions: 1, grants: 1 });
    expect((await users().find(user.id))?.credentialsVersion).to.equal(user.credentialsVersion + 1);
  });

  it('C2 keeps the sign-in of the person waiting for one batch at most', async () => {
    const { user } = await largeUser();
    const firstBatch = hooks.hold('after', 'sessions-end-all');
    const disabling = users().disable(user.id);
    await firstBatch.reached;
    const waiting = login(app.browser(), user);
    await eventually(async () => (await lockWaiters(app.database.database)) > 0);
    const secondBatch = hooks.hold('after', 'grants-end-all');
    firstBatch.release();
    await secondBatch.reached;
    // Nothing but the end of the first transaction can have let it go on: the second is held.
    expect((await waiting).status).to.equal(200);
    secondBatch.release();
    await disabling;
    expect(await live(user.id)).to.include({ sessions: 0, grants: 0 });
  });

  it('C2 ends one session with very many grants', async () => {
    const user = await createUser(app);
    const browser = await signedInBrowser(app, user);
    const [session] = await app.app.use(Sessions).list(user.id);
    await query(
      app,
      `INSERT INTO grants (id, user_id, client_id, session_id, payload, offline, created_at, expires_at)
        SELECT concat($1::text, n), $2, 'bulk', $1, '{}', n % 2 = 0, now(), now() + interval '1 day'
        FROM generate_series(1, $3::int) AS n`,
      [session?.id, user.id, 2 * COUNT],
    );
    const work = await watch.during(() => browser.request('/auth/logout', { method: 'POST' }));
    // With whose those are that are kept: half of them are for use without a session.
    expectBatches(changesOf(work), BATCH + 1);
    expect(await live(user.id)).to.deep.equal({ sessions: 0, grants: COUNT, denied: 1 });
    const revoked = await watch.during(() =>
      app.app.use(Sessions).revoke(session?.id ?? '', 'test'),
    );
    expectBatches(changesOf(revoked));
    expect(batchesOf(revoked, 'grants')).to.deep.equal(BATCHES);
    expect(await live(user.id)).to.include({ grants: 0 });
  });

  it('C2 SEC-85 a sign-in does not wait for what a lower limit makes too many', async () => {
    const own = await startTestApp({
      settings: { SESSIONS_PER_USER: String(LIMIT) },
      wrapStorage: (storage) => hooks.wrap(watch.wrap(storage)),
    });
    try {
      const user = await createUser(own);
      const of = { userId: user.id, clientId: REST_CLIENT_ID };
      await addSessions(own.database.database, { count: COUNT, ...of });
      let browser: Browser | undefined;
      const work = await watch.during(async () => {
        const batch = hooks.hold('after', 'sessions-end');
        browser = await signedInBrowser(own, user);
        await batch.reached;
        batch.release();
        await eventually(async () => (await liveOn(own, user.id))?.sessions === LIMIT, 20_000);
      });
      expectBatches(changesOf(work));
      expect((await browser?.request('/auth/me'))?.status, 'the new one').to.equal(200);
    } finally {
      await own.close();
    }
  });
});
