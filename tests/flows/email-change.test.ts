import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { Users } from '../../src/plugins/users/contract.ts';
import type { Answer, Browser } from '../support/browser.ts';
import { codeMailedTo, templatesTo } from '../support/mailed-links.ts';
import {
  createUser,
  createUserNamed,
  login,
  PASSWORD,
  signedInBrowser,
} from '../support/people.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';

const NEW_PASSWORD = 'nine loud ravens dive';
const newAddress = (): string => `moved-${randomUUID()}@example.org`;

const ask = (browser: Browser, email: string, password = PASSWORD): Promise<Answer> =>
  browser.request('/auth/email', { method: 'PUT', json: { email, current_password: password } });

const confirm = (browser: Browser, token: string, password?: string): Promise<Answer> =>
  browser.request('/auth/email/confirm', { json: { token, ...(password && { password }) } });

for (const store of storeKinds) {
  describe(`change of the e-mail address, state store on ${store}`, () => {
    let app: TestApp;
    let time: number;
    before(async () => {
      time = 0;
      const clock = { now: () => Date.now() + time };
      app = await startTestApp({ store, clock });
    });
    afterEach(() => {
      time = 0;
    });
    after(() => app.close());

    const emailOf = async (id: string) => (await app.app.use(Users).find(id))?.email;

    it('SEC-11 mails a link to the new address and a notice to the old one, which stays until it is followed', async () => {
      const user = await createUser(app);
      const browser = await signedInBrowser(app, user);
      const email = newAddress();
      const answer = await ask(browser, ` ${email.toUpperCase()} `);
      expect(answer.status).to.equal(202);
      expect(answer.json()).to.deep.equal({ status: 'check-mail' });
      expect(await emailOf(user.id)).to.equal(user.email);
      expect(await templatesTo(app, user.email)).to.deep.equal(['email-change-requested']);
      const code = await codeMailedTo(app, email.toUpperCase());
      const confirmed = await confirm(app.browser(), code, PASSWORD);
      expect(confirmed.status).to.equal(200);
      expect(confirmed.json()).to.deep.equal({ status: 'changed' });
      expect(confirmed.setCookies).to.deep.equal([]);
      const changed = await app.app.use(Users).find(user.id);
      expect(changed).to.deep.include({ email: email.toUpperCase(), emailVerified: true });
      expect(await templatesTo(app, user.email)).to.deep.equal([
        'email-change-requested',
        'email-changed',
      ]);
      expect((await login(app.browser(), user)).status).to.equal(401);
      expect((await login(app.browser(), { ...user, email })).status).to.equal(200);
      const again = await confirm(app.browser(), code);
      expect(again.status).to.equal(410);
      expect(again.json()).to.deep.include({ type: 'urn:problem:email-links:link-invalid' });
    });

    it('SEC-10 ends every session but that of the browser which confirms', async () => {
      const user = await createUser(app);
      const [current, second, third] = [
        await signedInBrowser(app, user),
        await signedInBrowser(app, user),
        await signedInBrowser(app, user),
      ];
      const email = newAddress();
      const stale = { authorization: `Bearer ${await current.cookie('authsrv-access')}` };
      expect((await ask(second, email)).status).to.equal(202);
      expect((await confirm(current, await codeMailedTo(app, email))).status).to.equal(200);
      for (const other of [second, third]) {
        expect((await other.request('/auth/me')).status).to.equal(401);
        expect((await other.request('/auth/refresh', { method: 'POST' })).status).to.equal(401);
      }
      expect((await app.browser().request('/auth/me', { headers: stale })).status).to.equal(401);
      expect((await current.request('/auth/refresh', { method: 'POST' })).status).to.equal(200);
      expect((await current.request('/auth/me')).json()).to.deep.include({
        email,
        email_verified: true,
      });
    });

    it('SEC-10 keeps no session of somebody else who happens to be signed in where the link is opened', async () => {
      const user = await createUser(app);
      const other = await createUser(app);
      const theirs = await signedInBrowser(app, other);
      const browser = await signedInBrowser(app, user);
      const email = newAddress();
      await ask(browser, email);
      const code = await codeMailedTo(app, email);
      expect((await confirm(theirs, code, PASSWORD)).status).to.equal(200);
      expect((await browser.request('/auth/me')).status).to.equal(401);
      expect((await theirs.request('/auth/me')).json()).to.deep.include({ email: other.email });
    });

    it('SEC-9 SEC-11 needs the current password: the same error as at sign-in, and nothing is mailed', async () => {
      const user = await createUser(app);
      const browser = await signedInBrowser(app, user);
      const email = newAddress();
      const wrong = await ask(browser, email, `${PASSWORD}!`);
      const refused = await login(app.browser(), user, `${PASSWORD}!`);
      expect(wrong.status).to.equal(401);
      expect(wrong.json()['type']).to.equal(refused.json()['type']);
      expect(await templatesTo(app, email)).to.deep.equal([]);
      expect(await templatesTo(app, user.email)).to.deep.equal([]);
    });

    it('refuses what is no address, and the address the user has, in any spelling', async () => {
      const user = await createUser(app);
      const browser = await signedInBrowser(app, user);
      for (const email of ['a@b@c', 'one@example.com, two@example.com', user.email.toUpperCase()]) {
        const answer = await ask(browser, email);
        expect(answer.status, email).to.equal(400);
        expect(answer.text).to.contain('#/email');
      }
    });

    it('SEC-11 SEC-13 lives for an hour, and only the newest link works', async () => {
      const user = await createUser(app);
      const browser = await signedInBrowser(app, user);
      const [first, second] = [newAddress(), newAddress()];
      await ask(browser, first);
      await ask(browser, second);
      const superseded = await confirm(app.browser(), await codeMailedTo(app, first));
      expect(superseded.status).to.equal(410);
      const code = await codeMailedTo(app, second);
      time = 3600_000 + 1000;
      expect((await confirm(app.browser(), code)).status).to.equal(410);
      time = 3600_000 - 60_000;
      expect((await confirm(app.browser(), code, PASSWORD)).status).to.equal(200);
      expect(await emailOf(user.id)).to.equal(second);
    });

    it('SEC-12 a pending change dies with the password it was asked with', async () => {
      const user = await createUser(app);
      const browser = await signedInBrowser(app, user);
      const email = newAddress();
      await ask(browser, email);
      const code = await codeMailedTo(app, email);
      const json = { current_password: PASSWORD, new_password: NEW_PASSWORD };
      expect((await browser.request('/auth/password', { method: 'PUT', json })).status).to.equal(
        204,
      );
      expect((await confirm(app.browser(), code)).status).to.equal(410);
      expect((await confirm(browser, code)).status).to.equal(410);
      expect(await emailOf(user.id)).to.equal(user.email);
    });

    it('SEC-12 a pending change dies when the password is reset', async () => {
      const user = await createUser(app);
      const email = newAddress();
      await ask(await signedInBrowser(app, user), email);
      await app.browser().request('/auth/password/forgot', { json: { email: user.email } });
      const json = { token: await codeMailedTo(app, user.email), new_password: NEW_PASSWORD };
      const reset = await app.browser().request('/auth/password/reset', { json });
      expect(reset.status).to.equal(204);
      expect((await confirm(app.browser(), await codeMailedTo(app, email))).status).to.equal(410);
      expect(await emailOf(user.id)).to.equal(user.email);
    });

    it('SEC-12 SEC-73 a pending change dies when somebody registers the address, were they deleted later', async () => {
      const user = await createUser(app);
      const browser = await signedInBrowser(app, user);
      const email = newAddress();
      await ask(browser, email);
      const code = await codeMailedTo(app, email);
      const owner = await createUserNamed(app, email.toUpperCase());
      await app.app.idle();
      expect((await confirm(browser, code)).status).to.equal(410);
      await app.storage.db.orm.query(`DELETE FROM users WHERE id = '${owner.id}'`);
      expect((await confirm(browser, code)).status).to.equal(410);
      expect(await emailOf(user.id)).to.equal(user.email);
    });

    it('SEC-16 says nothing of an address that somebody else has, and mails its owner nothing', async () => {
      const other = await createUser(app);
      const user = await createUser(app);
      const browser = await signedInBrowser(app, user);
      const answers = [await ask(browser, other.email), await ask(browser, newAddress())];
      const [taken, free] = answers.map(({ status, text }) => ({ status, text }));
      expect(taken).to.deep.equal(free);
      expect(await templatesTo(app, other.email)).to.deep.equal([]);
    });
  });
}

describe('change of the e-mail address without mail', () => {
  let app: TestApp;
  before(async () => {
    app = await startTestApp({ origin: 'https://auth.example.com' });
  });
  after(() => app.close());

  it('SEC-10 changes at once, unverified; other sessions end, this one is renewed', async () => {
    const user = await createUser(app);
    const [browser, other] = [await signedInBrowser(app, user), await signedInBrowser(app, user)];
    const email = newAddress();
    const replayed = { cookie: `__Secure-refresh=${await browser.cookie('__Secure-refresh')}` };
    const answer = await ask(browser, email);
    expect(answer.status).to.equal(200);
    expect(answer.json()).to.deep.equal({ status: 'changed' });
    expect((await browser.request('/auth/me')).json()).to.deep.include({
      email,
      email_verified: false,
    });
    expect((await other.request('/auth/me')).status).to.equal(401);
    const replay = { method: 'POST', headers: replayed };
    expect((await app.browser().request('/auth/refresh', replay)).status).to.equal(401);
    expect((await browser.request('/auth/refresh', { method: 'POST' })).status).to.equal(200);
    expect((await login(app.browser(), { ...user, email })).status).to.equal(200);
  });

  it('refuses an address that somebody has', async () => {
    const other = await createUser(app);
    const browser = await signedInBrowser(app, await createUser(app));
    const answer = await ask(browser, other.email.toUpperCase());
    expect(answer.status).to.equal(409);
    expect(answer.json()['type']).to.equal('urn:problem:users:email-taken');
    expect((await browser.request('/auth/me')).status).to.equal(200);
  });
});
