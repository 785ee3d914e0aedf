/** A sign-in whose n-th step fails, for each n: it is there with all that belongs to it, or nothing of it is. */
import { expect } from 'chai';
import { StoreUnavailable } from '../../src/kernel/store.ts';
import type { User } from '../../src/plugins/users/contract.ts';
import type { Storage } from '../../src/storage/open-storage.ts';
import { query } from '../support/known-user.ts';
import { createUser, login, PASSWORD, signIn } from '../support/people.ts';
import { createRelyingParty, type RelyingParty } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

/** Where the steps are counted: calls of the state store, or statements. */
type Part = (typeof PARTS)[number];
const PARTS = ['before a call', 'after a call', 'before a statement', 'after a statement'] as const;

describe('sign-ins that fail half-way', function () {
  this.timeout(60_000);
  let app: TestApp;
  let rp: RelyingParty;
  let left: Partial<Record<Part, number>> = {};
  let failed = '';

  const step = (part: Part, name: string): void => {
    const count = left[part];
    if (count === undefined) return;
    left[part] = count - 1;
    if (count !== 1) return;
    failed = name;
    throw new StoreUnavailable(`${name} got no answer`);
  };

  const wrapStorage = (storage: Storage): Storage => ({
    ...storage,
    store: new Proxy(storage.store, {
      get(store, name: keyof Storage['store']) {
        const call = store[name] as (...values: unknown[]) => unknown;
        return async (...values: unknown[]) => {
          // The clock of a bucket or a message changes nothing that a sign-in leaves behind.
          if (/^(?:publish|subscribe|ping|takeTokens)$/.test(name))
            return call.apply(store, values);
          step('before a call', `before ${name}`);
          const answer = await call.apply(store, values);
          step('after a call', `after ${name}`);
          return answer;
        };
      },
    }),
    db: {
      ...storage.db,
      async query(statement, values, transaction) {
        step('before a statement', `before ${statement.name}`);
        const rows = await storage.db.query(statement, values, transaction);
        step('after a statement', `after ${statement.name}`);
        return rows as never;
      },
    },
  });

  before(async () => {
    app = await startTestApp({ wrapStorage });
    rp = await createRelyingParty(app);
  });
  after(() => app.close());

  /** What is written down of a user. */
  const factsOf = async ({ id }: User) => {
    const count = async (rows: string): Promise<number> =>
      (await query(app, `SELECT FROM ${rows}`, [id])).length;
    return {
      sessions: await count('sessions WHERE user_id = $1 AND ended_at IS NULL'),
      history: await count('login_history WHERE user_id = $1'),
      grants: await count('grants WHERE user_id = $1 AND ended_at IS NULL'),
    };
  };

  /** `act` with each of its steps failing in turn, until none is left that fails. */
  async function* failing(part: Part, act: () => Promise<{ readonly status: number }>) {
    for (let nth = 1; nth < 60; nth += 1) {
      failed = '';
      left = { [part]: nth };
      const { status } = await act().finally(() => {
        left = {};
      });
      if (failed === '') return;
      yield { status, failed: `${failed} (${nth})` };
    }
  }

  for (const part of PARTS) {
    it(`C6 at the cookie API, ${part}: no session is left, and the browser's former one lives`, async () => {
      const user = await createUser(app);
      const browser = app.browser();
      await login(browser, user);
      const former = await factsOf(user);
      let expected = former;
      let failures = 0;
      for await (const { status, failed: name } of failing(part, () => login(browser, user))) {
        if (status === 200) expected = { ...expected, history: expected.history + 1 };
        else expect(status, name).to.equal(503);
        failures += Number(status === 503);
        expect(await factsOf(user), name).to.deep.equal(expected);
        const listed = await browser.request('/auth/sessions');
        expect(listed.status, `${name}: signed in as before`).to.equal(200);
        expect(listed.json<{ sessions: unknown[] }>().sessions, name).to.have.length(1);
      }
      expect(failures).to.be.greaterThan(2);
      expect(await factsOf(user)).to.deep.equal({ ...expected, history: expected.history + 1 });
    });
  }

  for (const part of ['before a call', 'after a statement'] as const) {
    it(`C6 on the pages, ${part}: nobody is signed in who was not told so`, async () => {
      const user = await createUser(app);
      let expected = 0;
      let visitor = app.browser();
      let failures = 0;
      const act = async () => {
        visitor = app.browser();
        const armed = left;
        left = {};
        const page = await rp.authorize(visitor);
        left = armed;
        return signIn(visitor, page, user);
      };
      for await (const answer of failing(part, act)) {
        failures += Number(answer.status >= 500);
        // Who has the cookie is signed in, whatever became of the request that led there.
        if (await visitor.cookie('authsrv-session')) expected += 1;
        const { sessions, history } = await factsOf(user);
        expect({ sessions, history }, answer.failed).to.deep.equal({
          sessions: expected,
          history: expected,
        });
      }
      expect(failures).to.be.greaterThan(1);
    });
  }

  for (const part of ['after a call', 'after a statement'] as const) {
    it(`C6 a new proof, ${part}: who did not get other cookies keeps those they have`, async () => {
      const user = await createUser(app);
      const browser = app.browser();
      await login(browser, user);
      const prove = () =>
        browser.request('/auth/reauthenticate', { method: 'POST', json: { password: PASSWORD } });
      let failures = 0;
      for await (const { status, failed: name } of failing(part, prove)) {
        failures += Number(status === 503);
        expect(status, name).to.be.oneOf([204, 503]);
        expect((await browser.request('/auth/me')).status, name).to.equal(200);
        expect((await browser.request('/auth/refresh', { method: 'POST' })).status, name).to.equal(
          200,
        );
        expect(await factsOf(user), name).to.include({ sessions: 1, grants: 1 });
      }
      expect(failures).to.be.greaterThan(1);
    });
  }
});
