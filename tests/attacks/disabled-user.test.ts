import { expect } from 'chai';
import { type User, Users } from '../../src/plugins/users/contract.ts';
import { forms } from '../support/browser.ts';
import { createUser, login, PASSWORD, signedInBrowser } from '../support/people.ts';
import {
  codeOf,
  createRelyingParty,
  errorOf,
  type RelyingParty,
} from '../support/relying-party.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';

for (const store of storeKinds) {
  describe(`a disabled user with a live session, state store on ${store}`, () => {
    let app: TestApp;
    let rp: RelyingParty;

    before(async () => {
      app = await startTestApp({ store });
      rp = await createRelyingParty(app);
    });
    after(() => app.close());

    /** `service` ends the sessions with it; `row` is what a race leaves: disabled, and the session lives on. */
    const WAYS = {
      service: async (user: User): Promise<void> => {
        await app.app.use(Users).disable(user.id);
      },
      row: async (user: User): Promise<void> => {
        await app.storage.db.orm.query(
          `UPDATE users SET disabled_at = now() WHERE id = '${user.id}'`,
        );
      },
    };

    for (const [way, disable] of Object.entries(WAYS)) {
      it(`SEC-51 disabled by ${way}: gets the sign-in page, not an error`, async () => {
        const user = await createUser(app);
        const browser = await signedInBrowser(app, user);
        await disable(user);
        const page = await rp.authorize(browser);
        expect(page.status).to.equal(200);
        expect(forms(page).some(({ action }) => action.endsWith('/login'))).to.equal(true);
        // Nothing on it says whose session this was.
        expect(page.text).not.to.include(user.email);
      });

      it(`SEC-51 disabled by ${way}: prompt=none is login_required, with and without a hint`, async () => {
        const user = await createUser(app);
        const browser = await signedInBrowser(app, user);
        const { body } = await rp.redeem(codeOf(await rp.authorize(browser)));
        await disable(user);
        for (const hint of [{}, { id_token_hint: body.id_token }, { login_hint: user.email }]) {
          const answer = await rp.authorize(browser, { prompt: 'none', ...hint });
          expect(errorOf(answer)).to.equal('login_required');
        }
      });

      it(`SEC-51 disabled by ${way}: no prompt and no max_age leads to a code`, async () => {
        const user = await createUser(app);
        const browser = await signedInBrowser(app, user);
        await disable(user);
        for (const params of [
          { prompt: 'login' },
          { prompt: 'consent' },
          { prompt: 'select_account' },
          { max_age: '0' },
          { max_age: '999999' },
        ]) {
          const page = await rp.authorize(browser, params);
          expect(page.status, JSON.stringify(params)).to.equal(200);
          expect(page.location).to.equal(undefined);
        }
      });

      it(`SEC-51 disabled by ${way}: the right password does not help, and says nothing`, async () => {
        const user = await createUser(app);
        const browser = await signedInBrowser(app, user);
        await disable(user);
        const answer = await login(browser, user);
        const unknown = await app.browser().request('/auth/login', {
          json: { email: `nobody-${user.email}`, password: PASSWORD },
        });
        expect(answer.status).to.equal(401);
        const { instance: _one, ...body } = answer.json();
        const { instance: _other, ...other } = unknown.json();
        expect(body).to.deep.equal(other);
        const page = await rp.authorize(browser);
        const refused = await browser.submit(page, { email: user.email, password: PASSWORD });
        expect(refused.status).to.equal(401);
      });

      it(`SEC-51 disabled by ${way}: our API, refresh and sign-out do not fail`, async () => {
        const user = await createUser(app);
        const browser = await signedInBrowser(app, user);
        await disable(user);
        expect((await browser.request('/auth/me')).status).to.equal(401);
        expect((await browser.request('/oidc/logout')).status).to.equal(200);
        expect((await browser.request('/auth/refresh', { method: 'POST' })).status).to.equal(401);
        expect((await browser.request('/auth/logout', { method: 'POST' })).status).to.equal(204);
      });

      it(`SEC-51 disabled by ${way} in the middle of an authorization: no code`, async () => {
        const user = await createUser(app);
        const consented = await createRelyingParty(app, { first_party: false });
        const browser = await signedInBrowser(app, user);
        const page = await consented.authorize(browser);
        expect(forms(page).some(({ action }) => action.endsWith('/allow'))).to.equal(true);
        await disable(user);
        const answer = await browser.submit(page, {}, ({ action }) => action.endsWith('/allow'));
        expect(answer.status).to.be.lessThan(500);
        expect(answer.location?.searchParams.get('code') ?? null).to.equal(null);
      });
    }

    it('SEC-51 a user who is enabled again must sign in again', async () => {
      const user = await createUser(app);
      const browser = await signedInBrowser(app, user);
      await app.app.use(Users).disable(user.id);
      await app.app.use(Users).enable(user.id);
      expect(errorOf(await rp.authorize(browser, { prompt: 'none' }))).to.equal('login_required');
      expect((await login(browser, user)).status).to.equal(200);
      codeOf(await rp.authorize(browser, { prompt: 'none' }));
    });
  });
}
