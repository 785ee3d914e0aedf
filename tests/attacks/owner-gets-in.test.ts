/** Whoever guesses at an account keeps its owner out for no moment (D5): each browser that signed in has attempts of its own. */
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { SUPERUSER } from '../../src/plugins/roles/contract.ts';
import type { User } from '../../src/plugins/users/contract.ts';
import type { Answer, Browser } from '../support/browser.ts';
import { withClockedBuckets } from '../support/clocked-buckets.ts';
import { KNOWN, knownCookie } from '../support/known-cookie.ts';
import { anyAddress, countOf, requestFrom, startLimitedApp } from '../support/limited-app.ts';
import { codeMailedTo } from '../support/mailed-links.ts';
import { readMetrics } from '../support/metrics.ts';
import { createUser, login, PASSWORD, signedInBrowser } from '../support/people.ts';
import { createRelyingParty } from '../support/relying-party.ts';
import { storeKinds, type TestApp } from '../support/test-app.ts';

const WRONG = 'not the password at all';
const NEW_PASSWORD = 'nine loud ravens dive';
const CAPACITY = 3;

const guess = (app: TestApp, email: string, ip = anyAddress(), cookie = ''): Promise<Answer> =>
  requestFrom(app, ip, '/auth/login', {
    json: { email, password: WRONG },
    ...(cookie && { headers: { cookie } }),
  });

/** Takes every attempt there is for strangers. */
async function drain(app: TestApp, email: string): Promise<void> {
  for (let spent = 0; (await guess(app, email)).status !== 429; spent += 1) {
    expect(spent).to.be.at.most(CAPACITY);
  }
}

const change = (browser: Browser, from: string, to: string): Promise<Answer> =>
  browser.request('/auth/password', {
    method: 'PUT',
    json: { current_password: from, new_password: to },
  });

describe('D5 SEC-19 somebody guesses once a second, for 150 s', function () {
  this.timeout(60_000);
  const clock = { time: Date.now(), now: () => clock.time };
  let app: TestApp;
  before(async () => {
    app = await startLimitedApp({ clock, wrapStorage: withClockedBuckets(clock) });
  });
  after(() => app?.close());

  const besiege = async (user: User, owner: Browser, password: string) => {
    const ip = anyAddress();
    const seen = { tried: 0, refused: 0, in: 0 };
    for (let second = 0; second < 150; second += 1) {
      clock.time += 1000;
      const { status } = await guess(app, user.email, ip);
      if (status === 401) seen.tried += 1;
      if (status === 429) seen.refused += 1;
      if (second % 30 !== 29) continue;
      await owner.request('/auth/logout', { method: 'POST' });
      if ((await login(owner, user, password)).status === 200) seen.in += 1;
    }
    return seen;
  };

  it('the owner, be it a superuser, gets in every time, also after a reset, and the guesser no further than before', async () => {
    const user = await createUser(app, [SUPERUSER]);
    const owner = await signedInBrowser(app, user);
    // 10, and 0.03 for each second; the owner's first sign-in was one of a stranger.
    const most = 10 + 150 * 0.03;
    const before = await besiege(user, owner, PASSWORD);
    expect(before.in).to.equal(5);
    expect(before.tried).to.be.within(9, most);
    expect(before.tried + before.refused).to.equal(150);

    await owner.request('/auth/password/forgot', { json: { email: user.email } });
    const token = await codeMailedTo(app, user.email);
    const elsewhere = app.browser();
    const json = { token, new_password: NEW_PASSWORD };
    const done = await elsewhere.request('/auth/password/reset', { json });
    expect(done.status).to.equal(204);
    // Another browser still, once: a reset opens a full bucket.
    expect((await login(app.browser(), user, NEW_PASSWORD)).status).to.equal(200);
    const after = await besiege(user, elsewhere, NEW_PASSWORD);
    expect(after.in).to.equal(5);
    expect(after.tried).to.be.within(9, most);
  });
});

for (const store of storeKinds) {
  describe(`D5 SEC-19 an owner can always get in, state store on ${store}`, function () {
    this.timeout(60_000);
    let app: TestApp;
    before(async () => {
      app = await startLimitedApp({
        store,
        settings: { RATE_LIMIT_ACCOUNT: `${CAPACITY}/0.001` },
      });
    });
    after(() => app?.close());

    it('SEC-23 a thousand cookies, made up or of other accounts, open no attempt more than none', async () => {
      const victim = await createUser(app);
      const others = await Promise.all(Array.from({ length: 8 }, () => createUser(app)));
      const browsers = await Promise.all(others.map((other) => signedInBrowser(app, other)));
      const cookies = await Promise.all(browsers.map(knownCookie));
      const madeUp = () => `${KNOWN}=${randomBytes(32).toString('base64url')}`;
      const answers: Answer[] = [];
      for (let turn = 0; turn < 30; turn += 1) {
        const borrowed = cookies[turn % cookies.length] ?? '';
        const forged = `${madeUp()}; ${KNOWN}.sig=${randomBytes(20).toString('base64url')}`;
        const swapped = `${madeUp()}; ${borrowed.split('; ')[1]}`;
        for (const cookie of [borrowed, forged, swapped]) {
          answers.push(await guess(app, victim.email, anyAddress(), cookie));
        }
      }
      expect(countOf(answers, 401)).to.equal(CAPACITY);
      expect(countOf(answers, 429)).to.equal(90 - CAPACITY);
    });

    it('a stolen cookie is one bucket more, not one for each address or sign-in with it', async () => {
      const victim = await createUser(app);
      const stolen = await knownCookie(await signedInBrowser(app, victim));
      await drain(app, victim.email);
      const first = await Promise.all(
        Array.from({ length: 2 * CAPACITY }, () => guess(app, victim.email, anyAddress(), stolen)),
      );
      expect(countOf(first, 401)).to.equal(CAPACITY);
      // The thief signs in to an account of their own with it, which gives the browser another cookie.
      const { email } = await createUser(app);
      const own = await requestFrom(app, anyAddress(), '/auth/login', {
        json: { email, password: PASSWORD },
        headers: { cookie: stolen },
      });
      expect(own.status).to.equal(200);
      const renewed = own.setCookies
        .filter((line) => line.startsWith(KNOWN))
        .map((line) => line.split(';')[0])
        .join('; ');
      expect(renewed).to.not.include(stolen.split(';')[0]);
      for (const cookie of [renewed, stolen]) {
        expect((await guess(app, victim.email, anyAddress(), cookie)).status).to.equal(429);
      }
    });

    it('SEC-21 every way with a password is open to a browser that was signed in, whatever strangers spend', async () => {
      const user = await createUser(app);
      const owner = await signedInBrowser(app, user);
      await drain(app, user.email);
      const rp = await createRelyingParty(app);
      const asked = await rp.authorize(owner, { prompt: 'login' });
      expect((await owner.submit(asked, { password: WRONG })).status).to.equal(401);
      const json = { password: PASSWORD };
      expect((await owner.request('/auth/reauthenticate', { json })).status).to.equal(204);
      expect((await change(owner, PASSWORD, NEW_PASSWORD)).status).to.equal(204);
      // The change was a proof: the browser is known by another cookie, and its attempts are whole again.
      for (let attempt = 0; attempt < CAPACITY; attempt += 1) {
        expect((await login(owner, user, NEW_PASSWORD)).status, `${attempt}`).to.equal(200);
      }
      expect((await login(owner, user, NEW_PASSWORD)).status).to.equal(429);
      expect((await login(app.browser(), user, NEW_PASSWORD)).status).to.equal(429);
    });

    it('a session that came without the cookie has attempts of its own', async () => {
      const user = await createUser(app);
      const owner = await signedInBrowser(app, user);
      for (const name of [KNOWN, `${KNOWN}.sig`]) {
        await owner.jar.store.removeCookie('127.0.0.1', '/', name);
      }
      expect(await owner.cookie(KNOWN)).to.equal(undefined);
      await drain(app, user.email);
      const json = { password: WRONG };
      const answers: Answer[] = [];
      for (let spent = 0; spent <= CAPACITY; spent += 1) {
        answers.push(await owner.request('/auth/reauthenticate', { json }));
      }
      expect(answers.map(({ status }) => status)).to.deep.equal([401, 401, 401, 429]);
    });

    it('SEC-18 SEC-22 a browser that is known is refused with the same words as a stranger, and nobody as somebody', async () => {
      const user = await createUser(app);
      const owner = await signedInBrowser(app, user);
      await owner.request('/auth/logout', { method: 'POST' });
      await drain(app, user.email);
      for (let spent = 0; spent < CAPACITY; spent += 1) await login(owner, user, WRONG);
      const nobody = 'nobody-at-all@example.com';
      await drain(app, nobody);
      const cookie = await knownCookie(owner);
      const answers = [
        await guess(app, user.email),
        await guess(app, user.email, anyAddress(), cookie),
        await guess(app, nobody),
        await guess(app, nobody, anyAddress(), cookie),
      ];
      const [first, ...rest] = answers.map(({ status, text, setCookies }) => ({
        ...{ status, setCookies },
        text: text.replace(/urn:request:[\w-]+/, '').replace(/wait \d+/, ''),
      }));
      expect(first?.status).to.equal(429);
      for (const other of rest) expect(other).to.deep.equal(first);

      const metrics = await readMetrics(app);
      for (const whose of ['', 'of_owners_']) {
        const counter = new RegExp(`^auth_password_attempts_${whose}refused_total\\S* [1-9]`, 'm');
        expect(metrics).to.match(counter);
      }

      const rp = await createRelyingParty(app);
      const alertFor = async (email: string): Promise<string> => {
        const visitor = app.browser();
        const page = await rp.authorize(visitor);
        const refused = await visitor.submit(page, { email, password: WRONG });
        expect(refused.status).to.equal(429);
        return refused.text.match(/Too many attempts[^<]*/)?.[0].replace(/\d+/, 'N') ?? '';
      };
      const wait = 'Too many attempts to sign in. Please wait N seconds, then try again.';
      const text = `${wait} A new password by mail works at once.`;
      expect(await alertFor(user.email)).to.equal(text);
      expect(await alertFor(nobody)).to.equal(text);
    });
  });
}
