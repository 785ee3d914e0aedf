/** Signing out by way of a client: there and back again (OIDC RP-Initiated Logout 1.0). */
import { mock } from 'node:test';
import { expect } from 'chai';
import { decodeJwt } from 'jose';
import type { Browser } from '../support/browser.ts';
import { createUser, signedInBrowser } from '../support/people.ts';
import {
  codeOf,
  createRelyingParty,
  errorOf,
  type RelyingParty,
} from '../support/relying-party.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';

const AFTER = 'https://rp.example.com/signed-out?from=auth';

for (const store of storeKinds) {
  describe(`RP-initiated logout, state store on ${store}`, () => {
    let app: TestApp;
    let rp: RelyingParty;
    let browser: Browser;
    let idToken: string;

    before(async () => {
      app = await startTestApp({ store });
      rp = await createRelyingParty(app, { post_logout_redirect_uris: [AFTER] });
    });
    beforeEach(async () => {
      browser = await signedInBrowser(app, await createUser(app));
      idToken = (await rp.redeem(codeOf(await rp.authorize(browser)))).body.id_token ?? '';
    });
    afterEach(() => mock.timers.reset());
    after(() => app.close());

    const open = (params: Record<string, string> = {}) =>
      browser.open(`/oidc/logout?${new URLSearchParams(params)}`);

    for (const by of ['id_token_hint', 'client_id']) {
      it(`leads back to the client that ${by} names, with its state`, async () => {
        const hint = by === 'client_id' ? rp.client.client_id : idToken;
        const page = await open({ [by]: hint, post_logout_redirect_uri: AFTER, state: 'a b&c' });
        expect(page.text).to.contain('Test App');
        const back = await browser.submit(page, { logout: 'yes' });
        expect(back.status).to.equal(303);
        expect(back.location?.href.startsWith('https://rp.example.com/signed-out?')).to.equal(true);
        expect(back.location?.searchParams.get('from')).to.equal('auth');
        expect(back.location?.searchParams.get('state')).to.equal('a b&c');
        expect(errorOf(await rp.authorize(browser, { prompt: 'none' }))).to.equal('login_required');
      });
    }

    it('takes an ID token that has expired as a hint', async () => {
      const expired = ((decodeJwt(idToken).exp ?? 0) + 60) * 1000;
      mock.timers.enable({ apis: ['Date'], now: expired });
      const page = await open({ id_token_hint: idToken, post_logout_redirect_uri: AFTER });
      const back = await browser.submit(page, { logout: 'yes' });
      expect(back.location?.href).to.equal(AFTER);
    });

    it('ends at a page of ours when nothing else was asked', async () => {
      const done = await browser.submit(await open(), { logout: 'yes' });
      expect(done.status).to.equal(200);
      expect(done.text).to.contain('You are signed out');
    });

    it('names the client on the last page when it gave no place to go', async () => {
      const page = await open({ id_token_hint: idToken });
      const done = await browser.submit(page, { logout: 'yes' });
      expect(done.status).to.equal(200);
      expect(done.text).to.contain('You are signed out');
    });

    it('lets the person stay, and still leads back', async () => {
      const page = await open({ id_token_hint: idToken, post_logout_redirect_uri: AFTER });
      const back = await browser.submit(page, {});
      expect(back.location?.href).to.equal(AFTER);
      expect((await browser.request('/auth/me')).status).to.equal(200);
      codeOf(await rp.authorize(browser, { prompt: 'none' }));
    });
  });
}
