import { expect } from 'chai';
import type { Browser } from '../support/browser.ts';
import { createUser, login, PASSWORD, signedInBrowser } from '../support/people.ts';
import { codeOf, createRelyingParty } from '../support/relying-party.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';

const NEW_PASSWORD = 'nine loud ravens dive';

interface Session {
  readonly id: string;
  readonly device: string;
  readonly current: boolean;
  readonly clients: readonly string[];
}

const change = (browser: Browser, current: string, next: string) =>
  browser.request('/auth/password', {
    method: 'PUT',
    json: { current_password: current, new_password: next },
  });

const sessionsOf = async (browser: Browser): Promise<Session[]> =>
  (await browser.request('/auth/sessions')).json<{ sessions: Session[] }>().sessions;

for (const store of storeKinds) {
  describe(`password, sessions and login history, state store on ${store}`, () => {
    let app: TestApp;
    before(async () => {
      app = await startTestApp({ store });
    });
    after(() => app.close());

    it('SEC-10 a new password ends every other session and family and renews the current one', async () => {
      const user = await createUser(app);
      const [current, second, third] = await Promise.all(
        [1, 2, 3].map(() => signedInBrowser(app, user)),
      );
      if (!current || !second || !third) throw new Error('three browsers');
      const rp = await createRelyingParty(app);
      const issued = await rp.redeem(codeOf(await rp.authorize(second)));
      const oldAccess = await current.cookie('authsrv-access');
      const oldRefresh = await current.cookie('authsrv-refresh');

      expect((await change(current, PASSWORD, NEW_PASSWORD)).status).to.equal(204);

      expect((await current.request('/auth/me')).status).to.equal(200);
      for (const other of [second, third]) {
        expect((await other.request('/auth/me')).status).to.equal(401);
        expect((await other.request('/auth/refresh', { method: 'POST' })).status).to.equal(401);
      }
      expect((await rp.refresh(issued.body.refresh_token ?? '')).body.error).to.equal(
        'invalid_grant',
      );
      const stranger = app.browser();
      const bearer = { authorization: `Bearer ${oldAccess}` };
      expect((await stranger.request('/auth/me', { headers: bearer })).status).to.equal(401);
      const replay = { method: 'POST', headers: { cookie: `authsrv-refresh=${oldRefresh}` } };
      expect((await stranger.request('/auth/refresh', replay)).status).to.equal(401);
      expect((await current.request('/auth/refresh', { method: 'POST' })).status).to.equal(200);
      expect((await login(app.browser(), user)).status).to.equal(401);
      expect((await login(app.browser(), user, NEW_PASSWORD)).status).to.equal(200);
    });

    it('SEC-9 needs the current password and runs the policy again; nothing changes otherwise', async () => {
      const user = await createUser(app);
      const browser = await signedInBrowser(app, user);
      const wrong = await change(browser, `${PASSWORD}!`, NEW_PASSWORD);
      const failedLogin = await login(app.browser(), user, `${PASSWORD}!`);
      expect(wrong.status).to.equal(401);
      expect(wrong.json()).to.deep.include({ type: failedLogin.json()['type'] });
      for (const next of ['short', 'passwordpassword', PASSWORD]) {
        const refused = await change(browser, PASSWORD, next);
        expect(refused.status, next).to.equal(400);
        expect(refused.text).to.contain('#/new_password');
      }
      expect((await browser.request('/auth/me')).status).to.equal(200);
      expect((await login(app.browser(), user)).status).to.equal(200);
    });

    it('lets one of 10 parallel changes win', async () => {
      const user = await createUser(app);
      const browser = await signedInBrowser(app, user);
      const passwords = Array.from({ length: 10 }, (_, i) => `${NEW_PASSWORD} ${i}`);
      const answers = await Promise.all(passwords.map((next) => change(browser, PASSWORD, next)));
      const won = answers.flatMap(({ status }, i) => (status === 204 ? [passwords[i] ?? ''] : []));
      expect(won).to.have.lengthOf(1);
      for (const { status } of answers) expect(status).to.be.oneOf([204, 401, 409]);
      expect((await login(app.browser(), user, won[0])).status).to.equal(200);
    });

    it('SEC-83 lists sessions with device and clients, and no bearer value', async () => {
      const user = await createUser(app);
      const browser = await signedInBrowser(app, user);
      await signedInBrowser(app, user);
      const rp = await createRelyingParty(app);
      codeOf(await rp.authorize(browser));
      const sessions = await sessionsOf(browser);
      expect(sessions).to.have.lengthOf(2);
      const current = sessions.find((one) => one.current);
      expect(current?.clients).to.include(rp.client.client_id);
      const cookie = await browser.cookie('authsrv-session');
      expect(JSON.stringify(sessions)).to.not.contain(cookie);
      const forged = { cookie: `authsrv-session=${current?.id}` };
      expect((await app.browser().request('/auth/me', { headers: forged })).status).to.equal(401);
    });

    it('SEC-84 SEC-80 ends one session or all others, and never somebody else’s', async () => {
      const user = await createUser(app);
      const browser = await signedInBrowser(app, user);
      const [second, third] = [await signedInBrowser(app, user), await signedInBrowser(app, user)];
      const stranger = await signedInBrowser(app, await createUser(app));
      const other = (await sessionsOf(second)).find((one) => one.current)?.id ?? '';
      const end = (by: Browser, id: string) =>
        by.request(`/auth/sessions/${id}`, { method: 'DELETE' });
      expect((await end(stranger, other)).status).to.equal(404);
      expect((await end(browser, 'not-an-id')).status).to.equal(400);
      expect((await end(browser, other)).status).to.equal(204);
      expect((await second.request('/auth/me')).status).to.equal(401);
      expect((await browser.request('/auth/sessions', { method: 'DELETE' })).status).to.equal(204);
      expect((await third.request('/auth/me')).status).to.equal(401);
      expect(await sessionsOf(browser)).to.have.lengthOf(1);
    });

    it('SEC-81 pages through the login history with cursors of its own', async () => {
      const user = await createUser(app);
      const browser = app.browser();
      for (const _ of [1, 2, 3]) await login(browser, user);
      const page = async (cursor = '') =>
        browser.request(`/auth/login-history?limit=2${cursor && `&cursor=${cursor}`}`);
      const first = (await page()).json<{ logins: object[]; next_cursor: string }>();
      const second = (await page(first.next_cursor)).json<{
        logins: object[];
        next_cursor: null;
      }>();
      expect([first.logins.length, second.logins.length, second.next_cursor]).to.deep.equal([
        2,
        1,
        null,
      ]);
      expect(first.logins[0]).to.include({ logout_date: null, method: 'pwd' });
      expect(first.logins[1]).to.have.property('logout_date').that.is.a('string');
      const stranger = await signedInBrowser(app, await createUser(app));
      const bad = [`A${first.next_cursor}`, 'AAAA', encodeURIComponent("' OR 1=1 --")];
      for (const cursor of bad) expect((await page(cursor)).status, cursor).to.equal(400);
      const stolen = `/auth/login-history?cursor=${first.next_cursor}`;
      expect((await stranger.request(stolen)).status).to.equal(400);
    });
  });
}
