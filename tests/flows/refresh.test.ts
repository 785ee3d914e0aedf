/** Refreshing at /oidc/token, RFC 6749 §6. */
import { expect } from 'chai';
import { decodeJwt } from 'jose';
import { Roles } from '../../src/plugins/roles/contract.ts';
import { Users } from '../../src/plugins/users/contract.ts';
import { createUser, signedInBrowser } from '../support/people.ts';
import { codeOf, createRelyingParty, type RelyingParty } from '../support/relying-party.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';

for (const store of storeKinds) {
  describe(`refresh, state store on ${store}`, () => {
    let app: TestApp;
    let rp: RelyingParty;

    before(async () => {
      app = await startTestApp({ store });
      rp = await createRelyingParty(app);
    });
    after(() => app.close());

    const start = async (scope = 'openid profile email') => {
      const user = await createUser(app, ['editor']);
      const browser = await signedInBrowser(app, user);
      const { body } = await rp.redeem(codeOf(await rp.authorize(browser, { scope })));
      return { user, browser, body, refreshToken: body.refresh_token ?? '' };
    };

    it('gives a new pair for the same person, session and grant', async () => {
      const { body, refreshToken, user } = await start();
      const next = await rp.refresh(refreshToken);
      expect(next.status).to.equal(200);
      expect(next.body.refresh_token).to.be.a('string').and.not.to.equal(refreshToken);
      const [before, after] = [body, next.body].map(({ access_token }) =>
        decodeJwt(access_token ?? ''),
      );
      for (const claim of ['sub', 'sid', 'gid', 'client_id', 'scope', 'aud', 'iss', 'roles']) {
        expect(after?.[claim], claim).to.deep.equal(before?.[claim]);
      }
      expect(after?.jti).not.to.equal(before?.jti);
      expect(decodeJwt(next.body.id_token ?? '')).to.include({ sub: user.id });
    });

    it('narrows the access token to the scope asked for, and can widen it again', async () => {
      const { refreshToken } = await start('openid profile email');
      const narrow = await rp.refresh(refreshToken, { scope: 'openid email' });
      expect(narrow.body.scope).to.equal('openid email');
      expect(decodeJwt(narrow.body.access_token ?? '')['scope']).to.equal('openid email');
      const full = await rp.refresh(narrow.body.refresh_token ?? '');
      expect(full.body.scope).to.equal('openid profile email');
    });

    it('refuses a scope that was not granted, and leaves the token as it was', async () => {
      const { refreshToken } = await start('openid');
      const { status, body } = await rp.refresh(refreshToken, { scope: 'openid email' });
      expect(status).to.equal(400);
      expect(body.error).to.equal('invalid_scope');
      expect((await rp.refresh(refreshToken)).status).to.equal(200);
    });

    it('carries the roles that the person has now', async () => {
      const { user, refreshToken } = await start();
      await app.app.use(Roles).revoke(user.id, 'editor');
      const { body } = await rp.refresh(refreshToken);
      expect(decodeJwt(body.access_token ?? '')['roles']).to.deep.equal([]);
    });

    it('ends when the person is disabled', async () => {
      const { user, refreshToken } = await start();
      await app.app.use(Users).disable(user.id);
      expect((await rp.refresh(refreshToken)).body.error).to.equal('invalid_grant');
    });

    it('ends a family whose token is used again after 10 s, with its session', async () => {
      const { browser, refreshToken } = await start();
      const next = await rp.refresh(refreshToken);
      await app.database.database.orm.query(
        "UPDATE grants SET rotated_at = rotated_at - interval '11 s' WHERE rotated_at IS NOT NULL",
      );
      expect((await rp.refresh(refreshToken)).body.error).to.equal('invalid_grant');
      expect((await rp.refresh(next.body.refresh_token ?? '')).body.error).to.equal(
        'invalid_grant',
      );
      expect((await browser.request('/auth/me')).status).to.equal(401);
    });
  });
}
