import { expect } from 'chai';
import { Users } from '../../src/plugins/users/contract.ts';
import type { Answer } from '../support/browser.ts';
import { codeMailedTo, templatesTo } from '../support/mailed-links.ts';
import { createUser, login, PASSWORD, signedInBrowser } from '../support/people.ts';
import { codeOf, createRelyingParty } from '../support/relying-party.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';

const NEW_PASSWORD = 'nine loud ravens dive';

for (const store of storeKinds) {
  describe(`forgotten passwords, state store on ${store}`, () => {
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

    const forgot = (email: string): Promise<Answer> =>
      app.browser().request('/auth/password/forgot', { json: { email } });

    const reset = (token: string, next = NEW_PASSWORD): Promise<Answer> =>
      app.browser().request('/auth/password/reset', { json: { token, new_password: next } });

    it('SEC-10 SEC-13 a mailed link sets a new password, ends every session and family, and tells the user', async () => {
      const user = await createUser(app);
      const browser = await signedInBrowser(app, user);
      const rp = await createRelyingParty(app);
      const issued = await rp.redeem(codeOf(await rp.authorize(browser)));
      const answer = await forgot(user.email.toUpperCase());
      expect(answer.status).to.equal(202);
      expect(answer.json()).to.deep.equal({ status: 'check-mail' });
      const code = await codeMailedTo(app, user.email);
      const done = await reset(code);
      expect(done.status).to.equal(204);
      // Nobody is signed in; but the browser of who reads the mail is known.
      for (const line of done.setCookies) expect(line).to.match(/^authsrv-known(\.sig)?=/);
      expect((await browser.request('/auth/me')).status).to.equal(401);
      expect((await browser.request('/auth/refresh', { method: 'POST' })).status).to.equal(401);
      const { body } = await rp.refresh(issued.body.refresh_token ?? '');
      expect(body.error).to.equal('invalid_grant');
      expect((await login(app.browser(), user)).status).to.equal(401);
      expect((await login(app.browser(), user, NEW_PASSWORD)).status).to.equal(200);
      expect((await app.app.use(Users).find(user.id))?.emailVerified).to.equal(true);
      expect(await templatesTo(app, user.email)).to.deep.equal([
        'reset-password',
        'password-changed',
      ]);
      const again = await reset(code, PASSWORD);
      expect(again.status).to.equal(410);
      expect(again.json()['type']).to.equal('urn:problem:email-links:link-invalid');
    });

    it('SEC-9 checks the policy, and a refused password does not use the link up', async () => {
      const user = await createUser(app);
      await forgot(user.email);
      const code = await codeMailedTo(app, user.email);
      for (const next of ['short', 'passwordpassword', `${user.email}1`]) {
        const refused = await reset(code, next);
        expect(refused.status, next).to.equal(400);
        expect(refused.text).to.contain('#/new_password');
      }
      expect((await login(app.browser(), user)).status).to.equal(200);
      expect((await reset(code)).status).to.equal(204);
    });

    it('SEC-13 a link lives for an hour and dies with a change of password, address or status', async () => {
      const users = app.app.use(Users);
      const user = await createUser(app);
      const ways: Record<string, () => Promise<unknown>> = {
        time: async () => {
          time = 3600_000 + 1000;
        },
        'another link used': async () => {
          await forgot(user.email);
          expect((await reset(await codeMailedTo(app, user.email))).status).to.equal(204);
        },
        'password changed': async () => {
          const json = { current_password: NEW_PASSWORD, new_password: PASSWORD };
          const browser = await signedInBrowser2(NEW_PASSWORD);
          const changed = await browser.request('/auth/password', { method: 'PUT', json });
          expect(changed.status).to.equal(204);
        },
        'user disabled': () => users.disable(user.id),
      };
      const signedInBrowser2 = async (password: string) => {
        const browser = app.browser();
        expect((await login(browser, user, password)).status).to.equal(200);
        return browser;
      };
      for (const [way, happen] of Object.entries(ways)) {
        await forgot(user.email);
        const code = await codeMailedTo(app, user.email);
        await happen();
        expect((await reset(code, 'ten calm finches swim')).status, way).to.equal(410);
        time = 0;
      }
    });

    it('SEC-14 mails nothing to unknown and disabled users', async () => {
      const disabled = await createUser(app);
      await app.app.use(Users).disable(disabled.id);
      for (const email of [disabled.email, 'nobody@example.com']) {
        expect((await forgot(email)).status).to.equal(202);
        expect(await templatesTo(app, email)).to.deep.equal([]);
      }
    });

    it('gives a first password to who has none', async () => {
      const user = await createUser(app);
      await app.storage.db.orm.query(
        `UPDATE users SET password_hash = NULL WHERE id = '${user.id}'`,
      );
      await forgot(user.email);
      expect((await reset(await codeMailedTo(app, user.email))).status).to.equal(204);
      expect((await login(app.browser(), user, NEW_PASSWORD)).status).to.equal(200);
    });

    it('tells of every other change of the password', async () => {
      const user = await createUser(app);
      const browser = await signedInBrowser(app, user);
      const change = (current: string) =>
        browser.request('/auth/password', {
          method: 'PUT',
          json: { current_password: current, new_password: NEW_PASSWORD },
        });
      expect((await change('wrong password')).status).to.equal(401);
      expect(await templatesTo(app, user.email)).to.deep.equal([]);
      expect((await change(PASSWORD)).status).to.equal(204);
      expect(await templatesTo(app, user.email)).to.deep.equal(['password-changed']);
    });
  });
}
