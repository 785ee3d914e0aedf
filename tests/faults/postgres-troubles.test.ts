/** A pool without a free connection, conflicts and deadlocks, as callers notice them (I5, I6). */
import { expect } from 'chai';
import { meAt, refreshAt, tokensOf } from '../support/cookie-api.ts';
import { ISSUER } from '../support/nodes.ts';
import { createUser, login } from '../support/people.ts';
import { createStatementHooks, type StatementHooks } from '../support/statement-hooks.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';

/** Connections of a test app. */
const POOL = 10;
/** Milliseconds: 2 s for a connection, and a busy machine. */
const PATIENCE = 5_000;

describe('troubles of PostgreSQL (I5, I6)', () => {
  let app: TestApp;
  let hooks: StatementHooks;

  before(async () => {
    hooks = createStatementHooks();
    const store = storeKinds.at(-1) ?? 'postgres';
    app = await startTestApp({ store, origin: ISSUER, wrapStorage: hooks.wrap });
  });
  after(() => app?.close());

  const signedIn = async () => {
    const user = await createUser(app);
    const browser = app.browser();
    const cookies = tokensOf(await login(browser, user));
    return { user, browser, cookies };
  };

  /** A statement that PostgreSQL fails with this SQLSTATE. */
  const fail = (state: string) => () =>
    app.storage.db.query(
      {
        name: `test-fail-${state}`,
        text: `DO $$ BEGIN RAISE 'again' USING ERRCODE = '${state}'; END $$`,
      },
      [],
    );

  it('pool exhausted: 503 and Retry-After in time, alive and not ready, back at once', async function () {
    this.timeout(40_000);
    const { user, cookies } = await signedIn();
    const held = Promise.withResolvers<void>();
    const transactions = Array.from({ length: POOL }, () =>
      app.storage.db.transaction(() => held.promise),
    );
    try {
      const since = performance.now();
      const [signIn, refresh, live, ready] = await Promise.all([
        login(app.browser(), user),
        refreshAt(app, cookies.refresh),
        app.browser().request('/health/live'),
        app.browser().request('/health/ready'),
      ]);
      expect(performance.now() - since).to.be.below(PATIENCE);
      for (const { status, headers } of [signIn, refresh, ready]) {
        expect(status).to.equal(503);
        expect(headers.get('retry-after')).to.match(/^\d+$/);
      }
      expect(live.status).to.equal(200);
      expect((await meAt(app, 'forged.token.here')).status).to.equal(401);
    } finally {
      held.resolve();
      await Promise.all(transactions);
    }
    expect((await refreshAt(app, cookies.refresh)).status).to.equal(200);
    expect((await login(app.browser(), user)).status).to.equal(200);
  });

  for (const [state, name] of Object.entries({ 40001: 'conflict', '40P01': 'deadlock' })) {
    it(`${state}: a logout whose transaction ends in a ${name} is run again, unnoticed`, async () => {
      const { browser, cookies } = await signedIn();
      hooks.once('after', 'sessions-end', fail(state));
      expect((await browser.request('/auth/logout', { method: 'POST' })).status).to.equal(204);
      expect((await meAt(app, cookies.access)).status).to.equal(401);
      expect((await refreshAt(app, cookies.refresh)).status).to.equal(401);
    });

    it(`${state}: a refresh whose statement ends in a ${name} costs 503, and no token`, async () => {
      const { cookies } = await signedIn();
      hooks.once('before', 'grants-rotate', fail(state));
      const answer = await refreshAt(app, cookies.refresh);
      expect(answer.status).to.equal(503);
      expect(answer.headers.get('retry-after')).to.match(/^\d+$/);
      expect((await refreshAt(app, cookies.refresh)).status).to.equal(200);
    });
  }
});
