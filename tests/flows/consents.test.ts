/** What a person allowed applications: to be seen, and to be taken back. */
import { expect } from 'chai';
import { REST_CLIENT_ID } from '../../src/oidc/scopes.ts';
import type { User } from '../../src/plugins/users/contract.ts';
import { type Browser, forms } from '../support/browser.ts';
import { createUser, signedInBrowser } from '../support/people.ts';
import { codeOf, createRelyingParty, type RelyingParty } from '../support/relying-party.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';

interface Listed {
  readonly client_id: string;
  readonly client_name: string;
  readonly scopes: readonly string[];
  readonly created_at: string;
}

const isAllow = ({ action }: { action: string }): boolean => action.endsWith('/allow');

for (const store of storeKinds) {
  describe(`consents of a person (SEC-51, SEC-61), state store on ${store}`, () => {
    let app: TestApp;
    let rp: RelyingParty;
    let user: User;
    let browser: Browser;

    before(async () => {
      app = await startTestApp({ store });
      rp = await createRelyingParty(app, { first_party: false, client_name: 'Shop' });
    });
    beforeEach(async () => {
      user = await createUser(app);
      browser = await signedInBrowser(app, user);
    });
    after(() => app.close());

    async function allow(by: Browser): Promise<{ access: string; refresh: string }> {
      const page = await rp.authorize(by, { scope: 'openid email' });
      const { body } = await rp.redeem(codeOf(await by.submit(page, {}, isAllow)));
      return { access: body.access_token ?? '', refresh: body.refresh_token ?? '' };
    }
    const list = async (by: Browser): Promise<readonly Listed[]> =>
      (await by.request('/auth/consents')).json<{ consents: Listed[] }>().consents;
    const withdraw = (by: Browser, client = rp.client.client_id) =>
      by.request(`/auth/consents/${client}`, { method: 'DELETE' });

    it('are listed, each for its owner only', async () => {
      expect(await list(browser)).to.deep.equal([]);
      await allow(browser);
      const [one, ...more] = await list(browser);
      expect(more).to.deep.equal([]);
      expect(one).to.include({ client_id: rp.client.client_id, client_name: 'Shop' });
      expect(one?.scopes).to.have.members(['openid', 'email']);
      const other = await signedInBrowser(app, await createUser(app));
      expect(await list(other)).to.deep.equal([]);
      expect((await withdraw(other)).status).to.equal(404);
      expect(await list(browser)).to.have.lengthOf(1);
    });

    it('are withdrawn: tokens end at once, and the application has to ask again', async () => {
      const { access, refresh } = await allow(browser);
      const other = await signedInBrowser(app, await createUser(app));
      const others = await allow(other);
      expect((await withdraw(browser)).status).to.equal(204);
      expect(await list(browser)).to.deep.equal([]);
      expect((await rp.refresh(refresh)).body.error).to.equal('invalid_grant');
      const userinfo = (token: string) =>
        app.browser().request('/oidc/userinfo', { headers: { authorization: `Bearer ${token}` } });
      expect((await userinfo(access)).status).to.equal(401);
      expect(forms(await rp.authorize(browser)).some(isAllow)).to.equal(true);
      // Nobody else's, and not the session itself.
      expect((await userinfo(others.access)).status).to.equal(200);
      expect((await browser.request('/auth/refresh', { method: 'POST' })).status).to.equal(200);
      expect((await withdraw(browser)).status).to.equal(404);
    });

    it('are nothing that our own cookies hang on', async () => {
      for (const client of [REST_CLIENT_ID, 'unknown', '%00', 'x'.repeat(255)]) {
        expect((await withdraw(browser, client)).status, client).to.equal(404);
      }
      expect((await browser.request('/auth/refresh', { method: 'POST' })).status).to.equal(200);
    });

    it('are nobody’s business without a token', async () => {
      expect((await app.browser().request('/auth/consents')).status).to.equal(401);
      expect((await withdraw(app.browser())).status).to.equal(401);
    });
  });
}
