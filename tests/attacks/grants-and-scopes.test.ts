/** Each client has its grant types and scopes; a client of its own never has a person's rights (RFC 6749 §3.3, §4.4). */
import { expect } from 'chai';
import { decodeJwt } from 'jose';
import type { Browser } from '../support/browser.ts';
import { createUser, signedInBrowser } from '../support/people.ts';
import { codeOf, createRelyingParty, errorOf, type TokenAnswer } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

/** RFC 6749 §5.2 says the first; oidc-provider says the second. */
const NOT_ALLOWED = ['unauthorized_client', 'invalid_request'];

const scopes = ({ body }: TokenAnswer): string[] =>
  String(decodeJwt(body.access_token ?? '')['scope'] ?? '').split(' ');

describe('grant types and scopes of a client', () => {
  let app: TestApp;
  let browser: Browser;

  before(async () => {
    app = await startTestApp();
    browser = await signedInBrowser(app, await createUser(app, ['superuser', 'editor']));
  });
  after(() => app.close());

  const call = (path: string, token: string | undefined) =>
    app.browser().request(path, { anonymous: true, headers: { authorization: `Bearer ${token}` } });

  describe('an authorization request', () => {
    const asking = (scope: string | undefined, more = {}) => ({ scope, ...more });
    const ASKED: Record<string, ReturnType<typeof asking>> = {
      'no scope': asking(undefined),
      'an empty scope': asking(''),
      'spaces alone': asking('  '),
      'a scope that is none': asking('nonsense'),
      'one that the client may not have': asking('account'),
      'one that no user can give': asking('revocations'),
      'offline_access alone, without a question': asking('offline_access'),
      'no scope, but the API': asking(undefined, { resource: 'api' }),
      'no scope, silently': asking(undefined, { prompt: 'none' }),
    };
    for (const [what, asked] of Object.entries(ASKED)) {
      it(`with ${what} fails with invalid_scope at once, as at /par (RFC 6749 §3.3, §4.1.2.1)`, async () => {
        const rp = await createRelyingParty(app);
        const params = {
          ...asked,
          ...('resource' in asked ? { resource: `${app.issuer}/api` } : {}),
        };
        for (const from of [app.browser(), browser]) {
          const { location } = await rp.authorize(from, params);
          expect(location?.href.startsWith(rp.redirectUri)).to.equal(true);
          expect(Object.fromEntries(location?.searchParams ?? [])).to.include({
            error: 'invalid_scope',
            state: 'a-state',
            iss: app.issuer,
          });
        }
        const all = new URL(rp.authorizationUrl(params), app.issuer).searchParams;
        const pushed = await rp.post('/oidc/par', Object.fromEntries(all));
        expect(pushed.status).to.equal(400);
        expect(pushed.json()).to.include({ error: 'invalid_scope' });
      });
    }

    it('without openid is plain OAuth: tokens, and no ID token', async () => {
      const rp = await createRelyingParty(app, { allowed_scopes: ['account'] });
      const { body } = await rp.redeem(codeOf(await rp.authorize(browser, { scope: 'account' })));
      expect(body).to.include({ scope: 'account' }).and.not.to.have.property('id_token');
    });
  });

  describe('grant types', () => {
    for (const grant_type of [
      'password',
      'implicit',
      'urn:ietf:params:oauth:grant-type:token-exchange',
      'urn:ietf:params:oauth:grant-type:device_code',
      'urn:ietf:params:oauth:grant-type:jwt-bearer',
      'urn:openid:params:grant-type:ciba',
      '__proto__',
      'constructor',
      'Authorization_Code',
      'nonsense',
    ]) {
      it(`SEC-60: ${grant_type} is no grant type here`, async () => {
        const rp = await createRelyingParty(app);
        const answer = await rp.token({ grant_type, username: 'a', password: 'b' });
        expect(answer.status).to.equal(400);
        expect(answer.body.error).to.equal('unsupported_grant_type');
      });
    }

    it('SEC-60: client_credentials is for clients that have it', async () => {
      const rp = await createRelyingParty(app);
      const { status, body } = await rp.token({ grant_type: 'client_credentials' });
      expect(status).to.equal(400);
      expect(body.error).to.be.oneOf(NOT_ALLOWED);
    });

    it('SEC-60: without refresh_token a client gets none, and may not redeem one', async () => {
      const without = await createRelyingParty(app, { grant_types: ['authorization_code'] });
      const { body } = await without.redeem(codeOf(await without.authorize(browser)));
      expect(body.access_token).to.be.a('string');
      expect(body).not.to.have.property('refresh_token');
      const full = await createRelyingParty(app);
      const other = await full.redeem(codeOf(await full.authorize(browser)));
      const stolen = await without.refresh(other.body.refresh_token ?? '');
      expect(stolen.body.error).to.be.oneOf(NOT_ALLOWED);
      expect((await full.refresh(other.body.refresh_token ?? '')).status).to.equal(200);
    });

    it('SEC-60: without authorization_code a client starts no flow', async () => {
      const machine = await createRelyingParty(app, {
        grant_types: ['client_credentials'],
        redirect_uris: ['https://rp.example.com/callback'],
      });
      const answer = await machine.authorize(browser);
      expect(errorOf(answer)).to.be.oneOf(NOT_ALLOWED);
      expect(answer.location?.searchParams.has('code')).to.equal(false);
      const redeemed = await machine.redeem('x');
      expect(redeemed.body.error).to.be.oneOf(NOT_ALLOWED);
      expect(redeemed.body.error_description).to.match(/grant type is not allowed/);
    });

    for (const response_type of ['token', 'id_token', 'code token', 'code id_token', 'none', '']) {
      it(`SEC-60: response_type "${response_type}" gives neither token nor code`, async () => {
        const rp = await createRelyingParty(app);
        const { location } = await rp.authorize(browser, { response_type, nonce: 'n' });
        expect(location?.href).to.match(/[?#&]error=(unsupported_response_type|invalid_request)/);
        expect(location?.href).not.to.match(/[?#&](access_token|id_token|code)=/);
      });
    }
  });

  describe('scopes', () => {
    it('SEC-60: a scope that the client may not have is dropped', async () => {
      const rp = await createRelyingParty(app);
      const scope = 'openid account admin introspect nonsense __proto__';
      const answer = await rp.redeem(codeOf(await rp.authorize(browser, { scope })));
      expect(scopes(answer)).to.deep.equal(['openid']);
      expect(answer.body.scope).to.equal('openid');
      expect((await call('/auth/me', answer.body.access_token)).status).to.equal(403);
    });

    it('SEC-60: --allow-scope opens exactly what it names', async () => {
      const rp = await createRelyingParty(app, { allowed_scopes: ['account'] });
      const scope = 'openid account admin';
      const answer = await rp.redeem(codeOf(await rp.authorize(browser, { scope })));
      expect(scopes(answer)).to.have.members(['openid', 'account']);
      expect((await call('/auth/me', answer.body.access_token)).status).to.equal(200);
    });

    it("SEC-60: a superuser's token at another app opens none of our API by itself", async () => {
      const rp = await createRelyingParty(app);
      const { body } = await rp.redeem(codeOf(await rp.authorize(browser)));
      expect(decodeJwt(body.access_token ?? '')['roles']).to.include('superuser');
      expect((await call('/auth/me', body.access_token)).status).to.equal(403);
    });

    it('SEC-60: a scope that was not asked for is not in the token', async () => {
      const rp = await createRelyingParty(app, { allowed_scopes: ['account', 'admin'] });
      const answer = await rp.redeem(codeOf(await rp.authorize(browser, { scope: 'openid' })));
      expect(scopes(answer)).to.deep.equal(['openid']);
    });

    it('SEC-60: `scope` at the token endpoint widens nothing when a code is redeemed', async () => {
      const rp = await createRelyingParty(app, { allowed_scopes: ['admin'] });
      const code = codeOf(await rp.authorize(browser, { scope: 'openid' }));
      const answer = await rp.redeem(code, { scope: 'openid admin' });
      expect(scopes(answer)).to.deep.equal(['openid']);
    });

    it('SEC-60 Dex GHSA-7qjx-gp9h-65qj: what a client may not have, no grant gives it', async () => {
      const rp = await createRelyingParty(app, {
        grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
        allowed_scopes: ['account'],
      });
      const scope = 'openid account admin';
      const code = await rp.redeem(codeOf(await rp.authorize(browser, { scope })));
      expect(scopes(code)).to.have.members(['openid', 'account']);
      const refresh_token = code.body.refresh_token ?? '';
      expect((await rp.refresh(refresh_token, { scope })).body.error).to.equal('invalid_scope');
      expect(scopes(await rp.refresh(refresh_token))).to.have.members(['openid', 'account']);
      for (const asked of ['admin', 'account admin']) {
        const own = await rp.token({ grant_type: 'client_credentials', scope: asked });
        if (own.status === 200) expect(scopes(own)).to.not.include('admin');
        else expect(own.body.error).to.equal('invalid_scope');
      }
    });

    it('SEC-50: a refresh narrows the scope and never widens it', async () => {
      const rp = await createRelyingParty(app, { allowed_scopes: ['admin'] });
      const first = await rp.redeem(codeOf(await rp.authorize(browser, { scope: 'openid email' })));
      const wider = await rp.refresh(first.body.refresh_token ?? '', { scope: 'openid admin' });
      expect(wider.body.error).to.equal('invalid_scope');
      const narrow = await rp.refresh(first.body.refresh_token ?? '', { scope: 'openid' });
      expect(scopes(narrow)).to.deep.equal(['openid']);
    });

    it('SEC-50: a resource that is not ours is refused at both endpoints', async () => {
      const rp = await createRelyingParty(app);
      const resource = 'https://other.example.com/';
      expect(errorOf(await rp.authorize(browser, { resource }))).to.equal('invalid_target');
      const code = codeOf(await rp.authorize(browser));
      expect((await rp.redeem(code, { resource })).body.error).to.equal('invalid_target');
    });
  });

  describe('client credentials', () => {
    const machine = (allowed_scopes: string[] = []) =>
      createRelyingParty(app, {
        grant_types: ['client_credentials'],
        redirect_uris: [],
        allowed_scopes,
      });

    it('SEC-60: a token of the client itself says nothing of a person', async () => {
      const rp = await machine(['admin', 'account']);
      const { body } = await rp.token({
        grant_type: 'client_credentials',
        scope: 'admin account',
        username: 'someone',
        sub: 'someone',
      });
      const claims = decodeJwt(body.access_token ?? '');
      expect(claims.sub).to.equal(rp.client.client_id);
      expect(claims['client_id']).to.equal(rp.client.client_id);
      expect(claims).not.to.have.any.keys('roles', 'roles_ver', 'sid', 'gid', 'email', 'name');
      expect(body).not.to.have.any.keys('refresh_token', 'id_token');
    });

    it('SEC-60: even with every scope it opens no route for people', async () => {
      const rp = await machine(['admin', 'account']);
      const scope = 'admin account';
      const { body } = await rp.token({ grant_type: 'client_credentials', scope });
      expect(decodeJwt(body.access_token ?? '')['scope']).to.equal(scope);
      expect((await call('/auth/me', body.access_token)).status).to.equal(403);
      expect((await call('/oidc/userinfo', body.access_token)).status).to.equal(401);
    });

    it('SEC-60: a scope it may not have is dropped or refused', async () => {
      const rp = await machine(['reports']);
      for (const scope of ['admin', 'reports admin', 'openid', 'offline_access', 'nonsense']) {
        const answer = await rp.token({ grant_type: 'client_credentials', scope });
        if (answer.status !== 200) {
          expect(answer.body.error, scope).to.equal('invalid_scope');
          continue;
        }
        const granted = scopes(answer);
        expect(granted, scope).not.to.include.any.members(['admin', 'nonsense', 'offline_access']);
      }
    });
  });

  describe('the pseudo-client of the REST API', () => {
    const client_id = 'auth-service';

    it('SEC-60: it has no grant type at the token endpoint', async () => {
      for (const grant_type of ['authorization_code', 'refresh_token', 'client_credentials']) {
        const answer = await app.browser().request('/oidc/token', {
          form: { grant_type, client_id, refresh_token: 'x', code: 'x', redirect_uri: 'x' },
        });
        expect(answer.json()['error'], grant_type).to.be.oneOf(NOT_ALLOWED);
        expect(answer.json()['error_description']).to.match(/grant type is not allowed/);
      }
    });

    it('SEC-60: the refresh token of a cookie is worth nothing at the token endpoint', async () => {
      const cookie = await browser.cookie('authsrv-refresh');
      expect(cookie).to.be.a('string');
      const form = { grant_type: 'refresh_token', refresh_token: cookie ?? '' };
      const bare = await app.browser().request('/oidc/token', { form: { ...form, client_id } });
      expect(bare.json()['error']).to.be.oneOf(NOT_ALLOWED);
      const rp = await createRelyingParty(app);
      expect((await rp.token(form)).body.error).to.equal('invalid_grant');
    });

    it('SEC-60: it starts no authorization request', async () => {
      const rp = await createRelyingParty(app);
      const answer = await rp.authorize(browser, { client_id });
      expect(answer.status).to.equal(400);
      expect(answer.headers.get('location')).to.equal(null);
    });
  });
});
