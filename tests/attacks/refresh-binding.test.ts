import { expect } from 'chai';
import { Clients } from '../../src/plugins/clients/contract.ts';
import { Consents } from '../../src/plugins/consent/contract.ts';
import { type User, Users } from '../../src/plugins/users/contract.ts';
import { createUser, signedInBrowser } from '../support/people.ts';
import {
  codeOf,
  createRelyingParty,
  type RelyingParty,
  type TokenAnswer,
} from '../support/relying-party.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';
import { decodeToken } from './forged-token.ts';

for (const store of storeKinds) {
  describe(`what refresh tokens are bound to, state store on ${store}`, () => {
    let app: TestApp;
    let user: User;

    before(async () => {
      app = await startTestApp({ store });
    });
    after(() => app.close());
    beforeEach(async () => {
      user = await createUser(app);
    });

    /** The tokens of one authorization of `user`. */
    async function authorized(rp: RelyingParty, scope?: string): Promise<TokenAnswer['body']> {
      const browser = await signedInBrowser(app, user);
      if (!rp.client.first_party) {
        const scopes = (scope ?? 'openid profile email').split(' ');
        await app.app.use(Consents).allow(user.id, rp.client.client_id, { scopes, resources: [] });
      }
      return (await rp.redeem(codeOf(await rp.authorize(browser, scope ? { scope } : {})))).body;
    }

    it("SEC-49 CVE-2026-53512 (Better Auth) another client's refresh token is refused, and stays good for its own", async () => {
      const own = await createRelyingParty(app);
      const confidential = await createRelyingParty(app);
      const open = await createRelyingParty(app, { token_endpoint_auth_method: 'none' });
      const { refresh_token: token = '' } = await authorized(own);
      for (const other of [confidential, open]) {
        const { status, body } = await other.refresh(token);
        expect([status, body.error]).to.deep.equal([400, 'invalid_grant']);
      }
      expect((await own.refresh(token)).status).to.equal(200);
    });

    it("SEC-49 a public client's refresh token is worth nothing to a confidential client", async () => {
      const open = await createRelyingParty(app, { token_endpoint_auth_method: 'none' });
      const { refresh_token: token = '' } = await authorized(open);
      const other = await createRelyingParty(app);
      expect((await other.refresh(token)).body.error).to.equal('invalid_grant');
      expect((await open.refresh(token)).status).to.equal(200);
    });

    it('SEC-49 a confidential client must authenticate, in the way it registered', async () => {
      const rp = await createRelyingParty(app);
      const other = await createRelyingParty(app);
      const { refresh_token = '' } = await authorized(rp);
      const client_id = rp.client.client_id;
      const send = (form: Record<string, string>, headers: Record<string, string> = {}) =>
        app.browser().request('/oidc/token', {
          form: { grant_type: 'refresh_token', refresh_token, ...form },
          headers,
          anonymous: true,
        });
      const basic = (secret: string) => ({
        authorization: `Basic ${Buffer.from(`${client_id}:${secret}`).toString('base64')}`,
      });
      for (const [name, answer] of Object.entries({
        'client_id alone': await send({ client_id }),
        'wrong secret': await send({}, basic('wrong')),
        'no secret': await send({}, basic('')),
        "another client's secret": await send({}, basic(other.secret ?? '')),
        'method that is not registered': await send({ client_id, client_secret: rp.secret ?? '' }),
        nothing: await send({}),
      })) {
        expect(answer.status, name).to.be.oneOf([400, 401]);
        expect(answer.json()['error'], name).to.be.oneOf(['invalid_client', 'invalid_request']);
      }
      expect((await send({}, basic(rp.secret ?? ''))).status).to.equal(200);
    });

    it('SEC-50 the scope can narrow, for one access token; it never widens', async () => {
      const rp = await createRelyingParty(app, { allowed_scopes: ['account', 'admin'] });
      const first = await authorized(rp, 'openid profile account');
      const narrow = await rp.refresh(first.refresh_token ?? '', { scope: 'openid' });
      expect(decodeToken(narrow.body.access_token ?? '').claims['scope']).to.equal('openid');
      const token = narrow.body.refresh_token ?? '';
      for (const scope of [
        'openid profile account admin',
        'admin',
        'openid email',
        'openid offline_access',
        'openid unknown',
      ]) {
        const wide = await rp.refresh(token, { scope });
        expect(wide.body.error, scope).to.equal('invalid_scope');
        expect(wide.body.access_token, scope).to.equal(undefined);
      }
      const full = await rp.refresh(token);
      const scopes = String(decodeToken(full.body.access_token ?? '').claims['scope']).split(' ');
      expect(scopes).to.have.members(['openid', 'profile', 'account']);
    });

    it('SEC-50 a resource other than the one granted is invalid_target, and costs the token nothing', async () => {
      const rp = await createRelyingParty(app);
      const { refresh_token: token = '' } = await authorized(rp);
      for (const resource of [
        'https://other.example.com/api',
        `${app.issuer}/api/`,
        `${app.issuer}/api#x`,
        `${app.issuer}/`,
        'not a uri',
      ]) {
        expect((await rp.refresh(token, { resource })).body.error, resource).to.equal(
          'invalid_target',
        );
      }
      const { body } = await rp.refresh(token, { resource: `${app.issuer}/api` });
      expect(decodeToken(body.access_token ?? '').claims['aud']).to.include(`${app.issuer}/api`);
    });

    describe('SEC-51', () => {
      /** Everything a client holds of a user, and what it still gets for it. */
      async function expectEnded(rp: RelyingParty, code: string, token: string): Promise<void> {
        expect((await rp.refresh(token)).body.error, 'refresh token').to.equal('invalid_grant');
        expect((await rp.redeem(code)).body.error, 'code').to.equal('invalid_grant');
        const answer = await rp.post('/oidc/introspect', { token });
        expect(answer.json(), 'introspection').to.deep.equal({ active: false });
      }

      async function held(rp: RelyingParty): Promise<{ code: string; token: string }> {
        const { refresh_token: token = '' } = await authorized(rp);
        const code = codeOf(await rp.authorize(await signedInBrowser(app, user)));
        return { code, token };
      }

      it('SEC-51 a disabled user: invalid_grant at once, and enabling brings nothing back (Keycloak CVE-2026-1609)', async () => {
        const rp = await createRelyingParty(app);
        const { code, token } = await held(rp);
        const browser = await signedInBrowser(app, user);
        await app.app.use(Users).disable(user.id);
        await expectEnded(rp, code, token);
        expect((await browser.request('/auth/refresh', { method: 'POST' })).status).to.equal(401);
        await app.app.use(Users).enable(user.id);
        await expectEnded(rp, code, token);
        expect((await browser.request('/auth/refresh', { method: 'POST' })).status).to.equal(401);
      });

      it('SEC-51 a user who is disabled while no session ended: invalid_grant at once', async () => {
        const rp = await createRelyingParty(app);
        const { code, token } = await held(rp);
        const browser = await signedInBrowser(app, user);
        await app.storage.db.orm.query(
          `UPDATE users SET disabled_at = now() WHERE id = '${user.id}'`,
        );
        expect((await rp.refresh(token)).body.error).to.equal('invalid_grant');
        expect((await rp.redeem(code)).body.error).to.equal('invalid_grant');
        expect((await browser.request('/auth/refresh', { method: 'POST' })).status).to.equal(401);
      });

      it('SEC-51 a deleted user: invalid_grant at once', async () => {
        const rp = await createRelyingParty(app);
        const { code, token } = await held(rp);
        const browser = await signedInBrowser(app, user);
        await app.storage.db.orm.query(`DELETE FROM users WHERE id = '${user.id}'`);
        await expectEnded(rp, code, token);
        expect((await browser.request('/auth/refresh', { method: 'POST' })).status).to.equal(401);
      });

      it('SEC-51 a withdrawn consent: invalid_grant at once, for this client only', async () => {
        const rp = await createRelyingParty(app, { first_party: false });
        const other = await createRelyingParty(app, { first_party: false });
        const { code, token } = await held(rp);
        const { refresh_token: kept = '' } = await authorized(other);
        await app.app.use(Consents).withdraw(user.id, rp.client.client_id);
        await expectEnded(rp, code, token);
        expect((await other.refresh(kept)).status).to.equal(200);
      });

      it('SEC-51 a deleted client: invalid_client at once, and nobody else can use its tokens', async () => {
        const rp = await createRelyingParty(app);
        const other = await createRelyingParty(app);
        const { refresh_token: token = '', access_token: access = '' } = await authorized(rp);
        await app.app.use(Clients).delete(rp.client.client_id);
        expect((await rp.refresh(token)).body.error).to.equal('invalid_client');
        expect((await other.refresh(token)).body.error).to.equal('invalid_grant');
        const headers = { authorization: `Bearer ${access}` };
        expect((await app.browser().request('/oidc/userinfo', { headers })).status).to.equal(401);
      });

      it('SEC-51 the end of the session: invalid_grant at once without offline_access', async () => {
        const rp = await createRelyingParty(app);
        const browser = await signedInBrowser(app, user);
        const { refresh_token: token = '' } = (await rp.redeem(codeOf(await rp.authorize(browser))))
          .body;
        const code = codeOf(await rp.authorize(browser));
        await browser.request('/auth/logout', { method: 'POST' });
        await expectEnded(rp, code, token);
      });
    });
  });
}
