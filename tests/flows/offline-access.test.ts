/** `offline_access`: what a client may do while the person is away (OIDC Core §11). */
import { expect } from 'chai';
import { decodeJwt } from 'jose';
import { Consents } from '../../src/plugins/consent/contract.ts';
import { Roles } from '../../src/plugins/roles/contract.ts';
import { Sessions } from '../../src/plugins/sessions/contract.ts';
import { type User, Users } from '../../src/plugins/users/contract.ts';
import { type Browser, forms } from '../support/browser.ts';
import { eventually } from '../support/eventually.ts';
import { createUser, signedInBrowser } from '../support/people.ts';
import { codeOf, createRelyingParty, type RelyingParty } from '../support/relying-party.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';

const OFFLINE = { scope: 'openid offline_access', prompt: 'consent' };

for (const store of storeKinds) {
  describe(`offline_access, state store on ${store}`, () => {
    let app: TestApp;
    let rp: RelyingParty;
    let user: User;
    let browser: Browser;

    before(async () => {
      app = await startTestApp({ store });
      rp = await createRelyingParty(app, { first_party: false });
    });
    beforeEach(async () => {
      user = await createUser(app);
      browser = await signedInBrowser(app, user);
    });
    after(() => app.close());

    const tokens = async (params: Record<string, string>) => {
      let answer = await rp.authorize(browser, params);
      if (forms(answer).some(({ action }) => action.endsWith('/allow'))) {
        answer = await browser.submit(answer, {}, ({ action }) => action.endsWith('/allow'));
      }
      const { body } = await rp.redeem(codeOf(answer));
      return { scope: body.scope, refresh: body.refresh_token ?? '', access: body.access_token };
    };
    const isAlive = async (refresh: string): Promise<boolean> =>
      (await rp.refresh(refresh)).status === 200;

    it('is shown on the consent page', async () => {
      const page = await rp.authorize(browser, OFFLINE);
      expect(page.text).to.contain('Stay connected');
    });

    it('is granted with prompt=consent, and dropped without (OIDC Core §11)', async () => {
      expect((await tokens(OFFLINE)).scope).to.equal('openid offline_access');
      expect((await tokens({ scope: 'openid offline_access' })).scope).to.equal('openid');
    });

    const logouts: Record<string, () => Promise<unknown>> = {
      'REST logout': () => browser.request('/auth/logout', { method: 'POST' }),
      'RP-initiated logout': async () =>
        browser.submit(await browser.open('/oidc/logout'), { logout: 'yes' }),
      'ending the session from elsewhere': async () => {
        const [session] = await app.app.use(Sessions).list(user.id);
        await app.app.use(Sessions).end(session?.id ?? '', 'test');
      },
    };
    for (const [name, logout] of Object.entries(logouts)) {
      it(`SEC-86: survives ${name}; everything else ends`, async () => {
        const offline = await tokens(OFFLINE);
        const online = await tokens({ scope: 'openid' });
        await logout();
        expect(await isAlive(online.refresh)).to.equal(false);
        const next = await rp.refresh(offline.refresh);
        expect(next.status).to.equal(200);
        expect(decodeJwt(next.body.access_token ?? '').sub).to.equal(user.id);
        expect(await isAlive(next.body.refresh_token ?? '')).to.equal(true);
      });
    }

    it('gives access tokens that hold after the logout too', async () => {
      const offline = await tokens(OFFLINE);
      const [session] = await app.app.use(Sessions).list(user.id);
      expect(decodeJwt(offline.access ?? '')['sid']).to.equal(session?.id);
      await browser.request('/auth/logout', { method: 'POST' });
      const { body } = await rp.refresh(offline.refresh);
      // Whoever honours the end of the session would refuse a token that names it.
      expect(decodeJwt(body.access_token ?? '')).not.to.have.property('sid');
      const headers = { authorization: `Bearer ${body.access_token}` };
      const userinfo = await app.browser().request('/oidc/userinfo', { headers });
      expect(userinfo.status).to.equal(200);
      const introspected = await rp.post('/oidc/introspect', { token: body.access_token ?? '' });
      expect(introspected.json()['active']).to.equal(true);
    });

    it('gives access tokens that a change of roles makes stale, without a session too', async () => {
      const offline = await tokens(OFFLINE);
      await browser.request('/auth/logout', { method: 'POST' });
      const { body } = await rp.refresh(offline.refresh);
      const isActive = async (token: string | undefined): Promise<unknown> =>
        (await rp.post('/oidc/introspect', { token: token ?? '' })).json()['active'];
      expect(await isActive(body.access_token)).to.equal(true);
      await app.app.use(Roles).create({ name: `role-${user.id.slice(0, 8)}` });
      await app.app.use(Roles).grant(user.id, `role-${user.id.slice(0, 8)}`);
      await eventually(async () => expect(await isActive(body.access_token)).to.equal(false));
      const next = await rp.refresh(body.refresh_token ?? '');
      expect(await isActive(next.body.access_token)).to.equal(true);
    });

    const ends: Record<string, (refresh: string) => Promise<unknown>> = {
      'withdrawing consent': () => app.app.use(Consents).withdraw(user.id, rp.client.client_id),
      'disabling the user': () => app.app.use(Users).disable(user.id),
      'ending all sessions of the user': () => app.app.use(Sessions).endAll(user.id, 'test'),
      'revoking the token': (token) => rp.post('/oidc/revoke', { token }),
    };
    for (const [name, end] of Object.entries(ends)) {
      it(`${name} ends it`, async () => {
        const offline = await tokens(OFFLINE);
        await end(offline.refresh);
        expect(await isAlive(offline.refresh)).to.equal(false);
      });
    }
  });
}
