import { expect } from 'chai';
import type { Route } from '../../src/kernel/route.ts';
import { createUser, signedInBrowser } from '../support/people.ts';
import { codeOf, createRelyingParty } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { decodeToken, resign } from './forged-token.ts';
import { callRoute, registeredRoutes } from './registered-routes.ts';

/** Which scopes each kind of access rule may ask for. */
const SCOPES = {
  public: [undefined],
  user: ['account', 'admin'],
  role: ['account', 'admin'],
  client: ['revocations'],
};

describe('who may call our API', () => {
  let app: TestApp;
  let guarded: readonly Route[];

  before(async () => {
    app = await startTestApp();
    const { routes } = registeredRoutes(app);
    guarded = routes.filter(({ access }) => access.kind !== 'public');
  });
  after(() => app.close());

  const statuses = async (headers: Record<string, string>): Promise<Record<string, number>> => {
    const called = guarded.map(async (route) => {
      const { status } = await callRoute(app, route, headers);
      return [`${route.method} ${route.path}`, status] as const;
    });
    return Object.fromEntries(await Promise.all(called));
  };

  const everywhere = (status: number): Record<string, number> =>
    Object.fromEntries(guarded.map(({ method, path }) => [`${method} ${path}`, status]));

  it('SEC-76 every route states who may call it, and these are open to everybody', () => {
    const { routes } = registeredRoutes(app);
    for (const { access, path } of routes) {
      const scope = 'scope' in access ? (access.scope as string) : undefined;
      expect(scope, path).to.be.oneOf(SCOPES[access.kind as keyof typeof SCOPES]);
      if (/^\/(users|roles)(\/|$)/.test(path)) expect(access, path).to.include({ kind: 'role' });
    }
    const open = routes.filter(({ access }) => access.kind === 'public');
    expect(open.map(({ method, path }) => `${method} ${path}`)).to.include.members([
      'post /auth/register',
      'post /auth/login',
      'post /auth/refresh',
      'post /auth/logout',
    ]);
    for (const { path } of open)
      expect(path).to.match(/^\/(auth|oauth2|openapi|roles\/doc|users\/doc)/);
    expect(guarded.map(({ path }) => path)).to.include.members([
      '/auth/me',
      '/auth/reauthenticate',
    ]);
  });

  it('SEC-76 Keycloak CVE-2024-3656: nobody gets in anywhere without a token', async () => {
    expect(await statuses({})).to.deep.equal(everywhere(401));
  });

  it("SEC-60 a superuser's token of /oidc/token with the scope openid is 403 everywhere", async () => {
    const user = await createUser(app, ['superuser']);
    const rp = await createRelyingParty(app);
    const browser = await signedInBrowser(app, user);
    const { body } = await rp.redeem(codeOf(await rp.authorize(browser, { scope: 'openid' })));
    const { claims } = decodeToken(body.access_token ?? '');
    expect(claims).to.include({ sub: user.id, scope: 'openid' });
    expect(claims['roles']).to.deep.equal(['superuser']);
    const headers = { authorization: `Bearer ${body.access_token}` };
    expect(await statuses(headers)).to.deep.equal(everywhere(403));
    expect(await statuses({ cookie: `authsrv-access=${body.access_token}` })).to.deep.equal(
      everywhere(403),
    );
    const me = await app.browser().request('/auth/me', { headers });
    expect(me.headers.get('www-authenticate')).to.equal('Bearer error="insufficient_scope"');
  });

  it('SEC-60 the same with every scope that a client gets without --allow-scope', async () => {
    const rp = await createRelyingParty(app);
    const browser = await signedInBrowser(app, await createUser(app, ['superuser']));
    const scope = 'openid profile email account admin';
    const { body } = await rp.redeem(codeOf(await rp.authorize(browser, { scope })));
    const token = body.access_token ?? '';
    const granted = String(decodeToken(token).claims['scope']).split(' ');
    expect(granted).to.have.members(['openid', 'profile', 'email']);
    expect(await statuses({ authorization: `Bearer ${token}` })).to.deep.equal(everywhere(403));
  });

  it('SEC-60 a client-credentials token is 403 everywhere, whatever its scopes', async () => {
    const rp = await createRelyingParty(app, {
      redirect_uris: [],
      grant_types: ['client_credentials'],
      allowed_scopes: ['account', 'admin'],
    });
    const { body } = await rp.token({ grant_type: 'client_credentials', scope: 'account admin' });
    expect(decodeToken(body.access_token ?? '').claims['scope']).to.equal('account admin');
    const headers = { authorization: `Bearer ${body.access_token}` };
    expect(await statuses(headers)).to.deep.equal(everywhere(403));
  });

  it('SEC-76 the scope account does not open what needs admin', async () => {
    const user = await createUser(app, ['superuser']);
    const token = (await (await signedInBrowser(app, user)).cookie('authsrv-access')) ?? '';
    const headers = {
      authorization: `Bearer ${await resign(app, token, { claims: { scope: 'account' } })}`,
    };
    for (const route of guarded.filter(({ access }) => access.scope === 'admin')) {
      expect((await callRoute(app, route, headers)).status, route.path).to.equal(403);
    }
    expect((await app.browser().request('/auth/me', { headers })).status).to.equal(200);
  });
});
