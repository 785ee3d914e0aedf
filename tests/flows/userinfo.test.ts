/** Claims about the person, OIDC Core §5.3. */
import { expect } from 'chai';
import type { User } from '../../src/plugins/users/contract.ts';
import type { Browser } from '../support/browser.ts';
import { createUser, signedInBrowser } from '../support/people.ts';
import { codeOf, createRelyingParty, type RelyingParty } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

describe('userinfo', () => {
  let app: TestApp;
  let rp: RelyingParty;
  let user: User;
  let browser: Browser;

  before(async () => {
    app = await startTestApp();
    rp = await createRelyingParty(app);
    user = await createUser(app);
    browser = await signedInBrowser(app, user);
  });
  after(() => app.close());

  const accessToken = async (scope: string): Promise<string> =>
    (await rp.redeem(codeOf(await rp.authorize(browser, { scope })))).body.access_token ?? '';

  const userinfo = (token: string, method = 'GET') =>
    app.browser().request('/oidc/userinfo', {
      method,
      headers: { authorization: `Bearer ${token}` },
    });

  const claims: Record<string, () => object> = {
    openid: () => ({ sub: user.id }),
    'openid email': () => ({ sub: user.id, email: user.email, email_verified: false }),
    'openid profile': () => ({ sub: user.id, name: user.name }),
  };
  for (const [scope, expected] of Object.entries(claims)) {
    it(`gives the claims of "${scope}"`, async () => {
      const answer = await userinfo(await accessToken(scope));
      expect(answer.status).to.equal(200);
      const body = answer.json();
      expect(body).to.include(expected());
      for (const name of ['email', 'email_verified', 'name']) {
        if (!(name in expected())) expect(body, name).not.to.have.property(name);
      }
      expect(body).not.to.have.any.keys('password', 'password_hash', 'rolesVersion', 'disabledAt');
    });
  }

  it('answers POST, and the token in a form (RFC 6750 §2.2)', async () => {
    const token = await accessToken('openid');
    expect((await userinfo(token, 'POST')).json()['sub']).to.equal(user.id);
    const inForm = await app.browser().request('/oidc/userinfo', { form: { access_token: token } });
    expect(inForm.json()['sub']).to.equal(user.id);
  });

  it('takes no token from the query', async () => {
    const token = await accessToken('openid');
    const answer = await app.browser().request(`/oidc/userinfo?access_token=${token}`);
    expect(answer.status).to.be.oneOf([400, 401]);
  });

  it('gives the claims as they are now', async () => {
    const token = await accessToken('openid profile');
    await browser.request('/auth/me', { method: 'PATCH', json: { name: 'New Name' } });
    expect((await userinfo(token)).json()['name']).to.equal('New Name');
  });

  it('is for tokens that were granted openid', async () => {
    const limited = await createRelyingParty(app, { allowed_scopes: ['reports'] });
    const { body } = await limited.redeem(
      codeOf(await limited.authorize(browser, { scope: 'reports' })),
    );
    const answer = await userinfo(body.access_token ?? '');
    expect(answer.status).to.be.oneOf([401, 403]);
    expect(answer.json()['error']).to.be.oneOf(['invalid_token', 'insufficient_scope']);
  });

  it('says why it refuses in WWW-Authenticate (RFC 6750 §3)', async () => {
    for (const token of ['x', 'a.b.c']) {
      const answer = await userinfo(token);
      expect(answer.status).to.equal(401);
      expect(answer.headers.get('www-authenticate')).to.match(/^Bearer .*error="invalid_token"/);
    }
    const bare = await app.browser().request('/oidc/userinfo');
    expect(bare.status).to.be.oneOf([400, 401]);
  });
});
