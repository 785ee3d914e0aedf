/** Each statement and each write of a change of credentials in turn goes without an answer: all of it is done, or nothing (D4, I5). */
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { StoreUnavailable } from '../../src/kernel/store.ts';
import { type User, Users } from '../../src/plugins/users/contract.ts';
import type { Storage } from '../../src/storage/open-storage.ts';
import type { Answer, Browser } from '../support/browser.ts';
import { codeMailedTo } from '../support/mailed-links.ts';
import { createUser, PASSWORD, signedInBrowser } from '../support/people.ts';
import { createRelyingParty, errorOf, type RelyingParty } from '../support/relying-party.ts';
import { copyOf } from '../support/stolen-cookies.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

const NEXT = 'nine loud ravens dive';

interface Person {
  readonly user: User;
  readonly browser: Browser;
}

/** What is prepared while all is well, and what is done then. */
type Prepare = (person: Person) => Promise<() => Promise<Answer>>;

describe('a change of credentials whose statements go without an answer (D4, I5)', function () {
  this.timeout(60_000);
  const seen = new Set<string>();
  /** Steps that have failed once: they are the same ones in every change. */
  const done = new Set<string>();
  let failing: string | undefined;
  let app: TestApp;
  let rp: RelyingParty;

  const pass = (name: string): void => {
    seen.add(name);
    if (name === failing) throw new StoreUnavailable('no answer');
  };

  /** Fails what is to fail after it was done: nobody knows. */
  const wrapStorage = (storage: Storage): Storage => ({
    ...storage,
    db: {
      ...storage.db,
      async query(statement, values, transaction) {
        const rows = await storage.db.query(statement, values, transaction);
        pass(statement.name);
        return rows as never;
      },
    },
    store: {
      ...storage.store,
      async set(...given) {
        await storage.store.set(...given);
        pass('store.set');
      },
      async setIfAbsent(...given) {
        const isFirst = await storage.store.setIfAbsent(...given);
        pass('store.setIfAbsent');
        return isFirst;
      },
      async delete(key) {
        await storage.store.delete(key);
        pass('store.delete');
      },
    },
  });

  before(async () => {
    app = await startTestApp({ wrapStorage });
    rp = await createRelyingParty(app);
  });
  after(() => app.close());

  const changes: Readonly<Record<string, Prepare>> = {
    'a new password':
      async ({ browser }) =>
      () =>
        browser.request('/auth/password', {
          method: 'PUT',
          json: { current_password: PASSWORD, new_password: NEXT },
        }),
    'a new address by a link': async ({ browser }) => {
      const email = `moved-${randomUUID()}@example.org`;
      const json = { email, current_password: PASSWORD };
      await browser.request('/auth/email', { method: 'PUT', json });
      const token = await codeMailedTo(app, email);
      return () => browser.request('/auth/email/confirm', { json: { token } });
    },
    'a reset': async ({ user }) => {
      await app.browser().request('/auth/password/forgot', { json: { email: user.email } });
      const json = { token: await codeMailedTo(app, user.email), new_password: NEXT };
      return () => app.browser().request('/auth/password/reset', { json });
    },
  };

  const person = async (): Promise<Person> => {
    const user = await createUser(app);
    return { user, browser: await signedInBrowser(app, user) };
  };
  const isSignedIn = async (browser: Browser): Promise<boolean[]> => [
    errorOf(await rp.authorize(browser, { prompt: 'none' })) === null,
    (await browser.request('/auth/me')).status === 200,
    (await browser.request('/auth/refresh', { method: 'POST' })).status === 200,
  ];
  const versionOf = async ({ id }: User) => (await app.app.use(Users).find(id))?.credentialsVersion;

  for (const [name, prepare] of Object.entries(changes)) {
    it(`${name}: nothing is half changed, and nothing is a 500`, async () => {
      const whole = await person();
      const act = await prepare(whole);
      seen.clear();
      expect((await act()).status).to.be.below(300);
      expect([...seen]).to.include.members(['sessions-end-all', 'grants-end-all']);
      const steps = [...seen].filter((step) => !done.has(step));
      expect(steps).to.not.deep.equal([]);
      const told: string[] = [];
      for (const step of steps) {
        const owner = await person();
        const copy = await copyOf(app, owner.browser);
        const doIt = await prepare(owner);
        done.add(step);
        failing = step;
        const { status, headers } = await doIt();
        failing = undefined;
        const isChanged = (await versionOf(owner.user)) !== owner.user.credentialsVersion;
        const isFine = status < 300 ? isChanged : status === 503 && headers.has('retry-after');
        // A copy made before: as good as ever, or good for nothing. The browser itself: signed in, or not at all.
        const copied = await isSignedIn(copy);
        const own = await isSignedIn(owner.browser);
        const isWhole = copied.every((works) => works === !isChanged) && new Set(own).size === 1;
        if (!isFine || !isWhole) told.push(`${step}: ${status} ${isChanged} ${copied} ${own}`);
      }
      expect(told).to.deep.equal([]);
    });
  }
});
