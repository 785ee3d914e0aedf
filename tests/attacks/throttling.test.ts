/** Guessing passwords: one bucket of attempts for each account and all strangers, from wherever and by whichever way. */
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { User } from '../../src/plugins/users/contract.ts';
import type { Answer, Browser } from '../support/browser.ts';
import { eventually } from '../support/eventually.ts';
import { lendKnown } from '../support/known-cookie.ts';
import { anyAddress, countOf, requestFrom, startLimitedApp } from '../support/limited-app.ts';
import { createUser, createUserNamed, PASSWORD, signedInBrowser } from '../support/people.ts';
import { createRelyingParty } from '../support/relying-party.ts';
import { storeKinds, type TestApp } from '../support/test-app.ts';

const WRONG = 'not the password at all';
const newEmail = (): string => `person-${randomUUID()}@example.com`;

/** From an address of its own each time, so that only the account's bucket counts. */
const attempt = (app: TestApp, email: string, password = WRONG, ip = anyAddress()) =>
  requestFrom(app, ip, '/auth/login', { json: { email, password } });

const many = <Result>(count: number, work: (index: number) => Promise<Result>) =>
  Promise.all(Array.from({ length: count }, (_, index) => work(index)));

/** What differs from answer to answer by its nature: the id and the time. */
function comparable({ status, headers, text }: Answer) {
  const volatile = ['x-request-id', 'date', 'retry-after', 'ratelimit', 'content-length'];
  const kept = [...headers].filter(([name]) => !volatile.includes(name));
  const body = text.replace(/urn:request:[\w-]+/, '').replace(/wait \d+ seconds?/, '');
  return { status, headers: Object.fromEntries(kept), body };
}

for (const store of storeKinds) {
  describe(`throttling of sign-ins, state store on ${store}`, function () {
    this.timeout(60_000);
    let app: TestApp;
    before(async () => {
      app = await startLimitedApp({ store, settings: { RATE_LIMIT_ACCOUNT: '5/0.001' } });
    });
    after(() => app.close());

    const exhaust = async (email: string): Promise<void> => {
      const answers = await many(5, () => attempt(app, email));
      expect(countOf(answers, 401)).to.equal(5);
    };

    it('SEC-17 CVE-2024-4629 CVE-2026-93346: 60 parallel bad logins spend the 50 tokens there are', async () => {
      const fifty = await startLimitedApp({ store, settings: { RATE_LIMIT_ACCOUNT: '50/0.001' } });
      try {
        const { email } = await createUser(fifty);
        const answers = await many(60, () => attempt(fifty, email));
        expect(countOf(answers, 401)).to.equal(50);
        expect(countOf(answers, 429)).to.equal(10);
        expect((await attempt(fifty, email, PASSWORD)).status).to.equal(429);
      } finally {
        await fifty.close();
      }
    });

    it('SEC-20 B-09 B-22: every spelling of an address spends from one bucket', async () => {
      const tag = randomUUID().slice(0, 8);
      const email = `ας${tag}@münchen.example`;
      await createUserNamed(app, email);
      await exhaust(email);
      for (const spelling of [`ΑΣ${tag}@MÜNCHEN.example`, `ασ${tag}@xn--mnchen-3ya.example`]) {
        expect((await attempt(app, spelling, PASSWORD)).status, spelling).to.equal(429);
      }
    });

    it('SEC-18: an account that does not exist is throttled like one that does', async () => {
      const [known, unknown] = [(await createUser(app)).email, newEmail()];
      await exhaust(known);
      await exhaust(unknown);
      const [one, other] = [await attempt(app, known), await attempt(app, unknown)];
      expect(one.status).to.equal(429);
      expect(one.headers.get('retry-after')).to.match(/^[1-9]\d*$/);
      expect(one.headers.get('ratelimit')).to.match(/, "account";r=0;t=\d+$/);
      expect(comparable(one)).to.deep.equal(comparable(other));
    });

    it('SEC-18: says nothing of the account’s bucket before it is empty: others’ attempts would show', async () => {
      const { email } = await createUser(app);
      const answers = [await attempt(app, email), await attempt(app, email)];
      for (const { headers } of answers) {
        expect(headers.get('ratelimit')).to.match(/^"sign-in";r=\d+;t=\d+$/);
        expect(headers.get('ratelimit-policy')).to.match(/^"sign-in";q=\d+;w=\d+$/);
      }
    });

    it('SEC-20: every spelling of an address spends from one bucket', async () => {
      const name = `person-${randomUUID()}`;
      await createUserNamed(app, `${name}@example.com`);
      const wide = name.replace(/[a-z]/g, (letter) =>
        String.fromCodePoint((letter.codePointAt(0) ?? 0) + 0xfee0),
      );
      const spellings = [
        `${name}@example.com`,
        `${name.toUpperCase()}@EXAMPLE.COM`,
        ` ${name}@example.com `,
        `${wide}@example.com`,
        `${name}＠example.com`,
      ];
      for (const email of spellings) expect((await attempt(app, email)).status).to.equal(401);
      for (const email of spellings) {
        expect((await attempt(app, email, PASSWORD)).status, email).to.equal(429);
      }
    });

    it('SEC-22: a right password is refused as a wrong one is, and no cookie comes with it', async () => {
      const { email } = await createUser(app);
      await exhaust(email);
      const ip = anyAddress();
      const right = await attempt(app, email, PASSWORD, ip);
      const wrong = await attempt(app, email, WRONG, ip);
      expect(right.status).to.equal(429);
      expect(right.setCookies).to.deep.equal([]);
      expect(comparable(right)).to.deep.equal(comparable(wrong));
    });

    it('SEC-23: one address that tries 100 accounts, and 100 addresses that try one', async () => {
      const ip = anyAddress();
      const started = performance.now();
      const stuffing = await many(100, () => attempt(app, newEmail(), WRONG, ip));
      // 60, and one more for each second that it took.
      const most = 61 + (performance.now() - started) / 1000;
      expect(countOf(stuffing, 401)).to.be.within(60, most);
      expect(countOf(stuffing, 401) + countOf(stuffing, 429)).to.equal(100);
      const { email } = await createUser(app);
      const spraying = await many(100, () => attempt(app, email));
      expect(countOf(spraying, 401)).to.equal(5);
      expect(countOf(spraying, 429)).to.equal(95);
    });

    it('SEC-19: refused attempts lock nobody out: who waits as told gets in', async () => {
      const quick = await startLimitedApp({ store, settings: { RATE_LIMIT_ACCOUNT: '2/1' } });
      try {
        const { email } = await createUser(quick);
        const attack = await many(40, () => attempt(quick, email));
        expect(countOf(attack, 429)).to.be.greaterThan(30);
        await eventually(async () => (await attempt(quick, email, PASSWORD)).status === 200);
      } finally {
        await quick.close();
      }
    });

    it('SEC-19: a session that is open goes on, and is refreshed, while others guess', async () => {
      const user = await createUser(app);
      const browser = await signedInBrowser(app, user);
      await many(6, () => attempt(app, user.email));
      expect((await attempt(app, user.email)).status).to.equal(429);
      expect((await browser.request('/auth/me')).status).to.equal(200);
      expect((await browser.request('/auth/refresh', { method: 'POST' })).status).to.equal(200);
    });

    describe('SEC-9 SEC-21: every way that takes a password spends from the same bucket', () => {
      type Way = (browser: Browser, email: string, password: string) => Promise<Answer>;

      const hosted = async (browser: Browser, prompt: string | undefined) => {
        const rp = await createRelyingParty(app);
        return rp.authorize(browser, { prompt });
      };
      const loginPage: Way = async (browser, email, password) =>
        browser.submit(await hosted(browser, undefined), { email, password });

      const fromAnywhere = () => ({ 'x-forwarded-for': anyAddress() });
      const ownLogin: Way = (browser, email, password) =>
        browser.request('/auth/login', { json: { email, password }, headers: fromAnywhere() });

      /** Of a browser that is signed in. */
      const WAYS: Readonly<Record<string, Way>> = {
        'POST /auth/login': ownLogin,
        'POST /auth/reauthenticate': (browser, _, password) =>
          browser.request('/auth/reauthenticate', { json: { password }, headers: fromAnywhere() }),
        'PUT /auth/password': (browser, _, password) =>
          browser.request('/auth/password', {
            method: 'PUT',
            json: { current_password: password, new_password: 'nine loud ravens dive' },
            headers: fromAnywhere(),
          }),
        'the hosted sign-in page': async (browser, email, password) =>
          loginPage(await lendKnown(browser, app.browser(), app.issuer), email, password),
        'the hosted page that asks again': async (browser, _, password) =>
          browser.submit(await hosted(browser, 'login'), { password }),
      };
      /** Of browsers that are not. */
      const STRANGERS: Readonly<Record<string, Way>> = {
        'POST /auth/login': (_, email, password) => attempt(app, email, password),
        'the hosted sign-in page': (_, email, password) =>
          loginPage(app.browser(), email, password),
      };

      const expectShared = async (
        { way, ways, spent }: { way: Way; ways: Readonly<Record<string, Way>>; spent: number },
        user: User,
        browser: Browser,
      ): Promise<void> => {
        for (let count = spent; count < 5; count += 1) {
          expect((await way(browser, user.email, WRONG)).status, `${count}`).to.equal(401);
        }
        for (const [other, tryIt] of Object.entries(ways)) {
          const { status, headers } = await tryIt(browser, user.email, PASSWORD);
          expect(status, other).to.equal(429);
          expect(headers.get('retry-after'), other).to.match(/^[1-9]\d*$/);
        }
      };

      for (const [name, way] of Object.entries(WAYS)) {
        it(`SEC-21: what ${name} has spent in a browser is gone everywhere in it`, async () => {
          const user = await createUser(app);
          const browser = await signedInBrowser(app, user);
          await expectShared({ way, ways: WAYS, spent: 0 }, user, browser);
          expect((await attempt(app, user.email, PASSWORD)).status).to.equal(200);
        });
      }

      for (const [name, way] of Object.entries(STRANGERS)) {
        it(`SEC-21: what strangers have spent by ${name} is gone for all of them`, async () => {
          const user = await createUser(app);
          const browser = await signedInBrowser(app, user);
          // Signing in was the first of five.
          await expectShared({ way, ways: STRANGERS, spent: 1 }, user, browser);
          expect((await ownLogin(browser, user.email, PASSWORD)).status).to.equal(200);
        });
      }
    });
  });
}
