/** Roles travel in tokens, and tokens in cookies, headers and URLs: whatever is issued, all readers of ours take. */
import { expect } from 'chai';
import { createLocalJWKSet, decodeJwt, type JSONWebKeySet } from 'jose';
import request from 'supertest';
import { createApp as createApi } from '../../examples/async-api/app.ts';
import { createAccessTokenVerifier } from '../../examples/async-api/verify-access-token.ts';
import { Roles } from '../../src/plugins/roles/contract.ts';
import type { User } from '../../src/plugins/users/contract.ts';
import { plugin } from '../kernel/test-plugin.ts';
import type { Answer, Browser } from '../support/browser.ts';
import { createRecordingLog } from '../support/log.ts';
import { anyRoleName, giveRoles, grantUntilFull } from '../support/many-roles.ts';
import { createUser, login } from '../support/people.ts';
import { codeOf, createRelyingParty } from '../support/relying-party.ts';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/test-app.ts';
import { createUserAdmin } from '../support/user-admin.ts';

/** What every browser keeps of one cookie, attributes included (RFC 6265 §6.1). */
const MOST = 4096;
/** What `roles_ver` and `Max-Age` may still grow by, and a name of a few characters: shorter than any role that is refused. */
const SLACK = 40;

const longestOf = ({ setCookies }: Answer): number =>
  Math.max(...setCookies.map((line) => Buffer.byteLength(line)));

const accessOf = ({ setCookies }: Answer): string =>
  /access=([^;]+)/.exec(setCookies.find((line) => /access=[^;]/.test(line)) ?? '')?.[1] ?? '';

const bearer = (token: string) => ({
  anonymous: true,
  headers: { authorization: `Bearer ${token}` },
});

const statusOf = async (browser: Browser, ...call: Parameters<Browser['request']>) =>
  (await browser.request(...call)).status;

/** The example, as somebody copied it. */
async function apiStatus(app: TestApp, token: string): Promise<number> {
  const jwks = await app.browser().request('/.well-known/jwks.json');
  const verify = createAccessTokenVerifier({
    issuer: app.issuer,
    audience: `${app.issuer}/api`,
    keys: createLocalJWKSet(jwks.json() as unknown as JSONWebKeySet),
    now: () => new Date(),
  });
  const names = { issuer: app.issuer, audience: `${app.issuer}/api`, baseUrl: app.issuer };
  const revocations = { denies: () => false, isCurrent: () => true };
  const api = createApi({ ...names, scope: 'reports', adminRole: 'a' }, { verify, revocations });
  return (await request(api.callback()).get('/me').set('Authorization', `Bearer ${token}`)).status;
}

const INSTALLATIONS: Readonly<Record<string, TestAppOptions>> = {
  'http at the root': { path: '', settings: { API_SCOPES: 'reports' } },
  'https below a long path': {
    origin: 'https://auth.example.com',
    path: `/${'deep/'.repeat(50)}auth`,
    settings: { API_SCOPES: 'reports,reports:write,billing:read', ACCESS_TOKEN_TTL: '315360000' },
  },
};

for (const [name, options] of Object.entries(INSTALLATIONS)) {
  describe(`as many roles as fit: ${name}`, () => {
    let app: TestApp;
    /** Has as many roles as fit. */
    let user: User;
    before(async () => {
      app = await startTestApp(options);
      user = await createUser(app);
      await grantUntilFull(app, user.id);
    });
    after(() => app?.close());
    const rolesNow = () => app.app.use(Roles).namesOf(user.id);

    it('B-03 what is granted every reader takes, and one more is refused with a reason', async () => {
      const roles = await rolesNow();
      const browser = app.browser();
      const signedIn = await login(browser, user);
      expect(signedIn.status).to.equal(200);
      expect(longestOf(signedIn)).to.be.within(MOST - SLACK, MOST);
      const token = accessOf(signedIn);
      expect(decodeJwt(token)['roles']).to.deep.equal(roles);
      const me = await browser.request('/auth/me');
      expect(me.json()['roles']).to.deep.equal(roles);
      expect(await statusOf(browser, '/auth/me', bearer(token))).to.equal(200);
      expect(await statusOf(browser, '/oidc/userinfo', bearer(token))).to.equal(200);
      expect(await apiStatus(app, token)).to.equal(200);
      const refreshed = await browser.request('/auth/refresh', { method: 'POST' });
      expect(longestOf(refreshed)).to.be.at.most(MOST);
      expect(await statusOf(browser, '/auth/me')).to.equal(200);

      const admin = await createUserAdmin(app);
      const more = (await app.app.use(Roles).create({ name: anyRoleName() })).id;
      const refused = await admin.request(`/users/${user.id}/roles/${more}`, { method: 'PUT' });
      expect(refused.status).to.equal(409);
      expect(refused.json()['type']).to.equal('urn:problem:roles:no-room');
      expect(refused.json()['detail']).to.contain('Take a role from the user first');
      expect(await app.app.use(Roles).namesOf(user.id)).to.deep.equal(roles);
    });

    it('B-03 the code flow: refresh, userinfo, introspection, and the ID token in the URL of a sign-out', async () => {
      const roles = await rolesNow();
      const rp = await createRelyingParty(app, {
        allowed_scopes: ['roles', 'reports', 'introspect'],
        post_logout_redirect_uris: ['https://rp.example.com/out'],
      });
      const browser = app.browser();
      await login(browser, user);
      const scope = 'openid profile email offline_access roles reports';
      const answer = await rp.authorize(browser, { scope, nonce: 'n'.repeat(1024) });
      const { body } = await rp.redeem(codeOf(answer));
      for (const tokens of [body, (await rp.refresh(body.refresh_token ?? '')).body]) {
        const access = tokens.access_token ?? '';
        expect(decodeJwt(access)['roles']).to.deep.equal(roles);
        const userinfo = await browser.request('/oidc/userinfo', bearer(access));
        expect(userinfo.json()['roles']).to.deep.equal(roles);
        const told = (await rp.post('/oidc/introspect', { token: access })).json();
        expect(told).to.include({ active: true });
        expect(told['roles']).to.deep.equal(roles);
        // Read, and found to lack the scope `account`.
        expect(await statusOf(browser, '/auth/me', bearer(access))).to.equal(403);
        expect(await apiStatus(app, access)).to.equal(200);
      }
      const hint = body.id_token ?? '';
      expect(decodeJwt(hint)['roles']).to.deep.equal(roles);
      const out = new URLSearchParams({
        id_token_hint: hint,
        post_logout_redirect_uri: 'https://rp.example.com/out',
        state: '&'.repeat(2048),
      });
      expect(await statusOf(browser, `/oidc/logout?${out}`)).to.equal(200);
      const silent = await rp.authorize(browser, { prompt: 'none', id_token_hint: hint });
      expect(codeOf(silent)).to.be.a('string');
    });

    it('B-03 of two grants at once, for which only one has room, one is refused', async () => {
      const [given = ''] = (await rolesNow()).filter(({ length }) => length > 29);
      const roles = app.app.use(Roles);
      await roles.revoke(user.id, given);
      const names = [anyRoleName(given.length - 1), anyRoleName(given.length - 2)];
      for (const one of names) await roles.create({ name: one });
      const ends = await Promise.allSettled(names.map((one) => roles.grant(user.id, one)));
      expect(ends.map(({ status }) => status).sort()).to.deep.equal(['fulfilled', 'rejected']);
      expect(longestOf(await login(app.browser(), user))).to.be.at.most(MOST);
    });
  });
}

describe('more than fits', () => {
  let app: TestApp;
  let said = '';
  const log = createRecordingLog();
  const talkative = plugin('talkative', {
    claims: [
      {
        names: ['said', 'said_of'],
        in: ['access_token', 'account'],
        claims: async () => ({ said }),
      },
    ],
  });
  before(async () => {
    app = await startTestApp({ plugins: [talkative], log, settings: { API_SCOPES: 'reports' } });
  });
  after(() => app.close());
  beforeEach(() => {
    said = '';
    log.entries.length = 0;
  });
  const shortened = () =>
    log.entries.filter(({ fields }) =>
      /_token\.shortened/.test((fields as { event?: string }).event ?? ''),
    );

  it('B-03 who has more roles since before signs in and administers; the token is for this server alone, and the log says why', async () => {
    const user = await createUser(app, ['superuser']);
    const many = Array.from({ length: 80 }, () => anyRoleName(34));
    await giveRoles(app, user.id, many);
    const roles = [...many, 'superuser'].sort();
    const browser = app.browser();
    const signedIn = await login(browser, user);
    expect(signedIn.status).to.equal(200);
    expect(longestOf(signedIn)).to.be.at.most(MOST);
    expect((signedIn.json()['user'] as { roles: string[] }).roles).to.deep.equal(roles);
    const token = accessOf(signedIn);
    expect(decodeJwt(token)).to.include({ aud: app.issuer }).and.not.have.property('roles');
    expect(decodeJwt(token)).to.include.keys('roles_ver', 'sid', 'gid');
    expect(await apiStatus(app, token)).to.equal(401);
    expect(await statusOf(browser, '/auth/me')).to.equal(200);
    expect(await statusOf(browser, '/users')).to.equal(200);
    expect((await browser.request('/auth/refresh', { method: 'POST' })).status).to.equal(200);
    expect(shortened().map(({ fields }) => fields)[0]).to.include({
      ...{ event: 'access_token.shortened', sub: user.id, claim: 'roles' },
    });
    // The cure, by their own hand.
    const all = (await browser.request(`/users/${user.id}/roles`)).json<{
      roles: { id: string; name: string }[];
    }>();
    const [one, ...others] = all.roles.filter(({ name }) => name !== 'superuser').slice(0, 30);
    const path = `/users/${user.id}/roles/${one?.id}`;
    expect(await statusOf(browser, path, { method: 'DELETE' })).to.equal(204);
    await Promise.all(others.map(({ name }) => app.app.use(Roles).revoke(user.id, name)));
    const again = await login(app.browser(), user);
    expect(decodeJwt(accessOf(again))['roles']).to.have.length(51);
  });

  it('B-03 in the code flow 80 roles fit as before; with 300 ID token and access token go without them, and userinfo has all', async () => {
    const user = await createUser(app);
    await giveRoles(
      app,
      user.id,
      Array.from({ length: 80 }, () => anyRoleName(34)),
    );
    const rp = await createRelyingParty(app, { allowed_scopes: ['roles', 'reports'] });
    const browser = app.browser();
    await login(browser, user);
    const scope = 'openid roles reports';
    const tokens = async () =>
      (await rp.redeem(codeOf(await rp.authorize(browser, { scope })))).body;
    const some = (await tokens()).access_token ?? '';
    expect(decodeJwt(some)['roles']).to.have.length(80);
    expect(await apiStatus(app, some)).to.equal(200);

    await giveRoles(
      app,
      user.id,
      Array.from({ length: 220 }, () => anyRoleName(34)),
    );
    const { access_token: access = '', id_token: hint = '' } = await tokens();
    expect(decodeJwt(access)).to.include({ aud: app.issuer }).and.not.have.property('roles');
    expect(decodeJwt(hint)).not.to.have.property('roles');
    const userinfo = await browser.request('/oidc/userinfo', bearer(access));
    expect(userinfo.json()['roles']).to.have.length(300);
    expect(await statusOf(browser, `/oidc/logout?id_token_hint=${hint}`)).to.equal(200);
    expect(shortened().map(({ fields }) => (fields as { event: string }).event)).to.include.members(
      ['access_token.shortened', 'id_token.shortened'],
    );
  });

  it('B-03 what plugins say counts at a grant; when it grows later, sign-in goes on without it', async () => {
    said = 'x'.repeat(2000);
    const user = await createUser(app);
    await grantUntilFull(app, user.id, 0);
    const full = await login(app.browser(), user);
    expect(longestOf(full)).to.be.within(MOST - SLACK, MOST);
    expect(decodeJwt(accessOf(full))).to.include({ said });
    said = 'x'.repeat(20_000);
    const browser = app.browser();
    const signedIn = await login(browser, user);
    expect(signedIn.status).to.equal(200);
    expect(longestOf(signedIn)).to.be.at.most(MOST);
    expect(decodeJwt(accessOf(signedIn))).not.to.have.any.keys('said', 'roles');
    expect(await statusOf(browser, '/auth/me')).to.equal(200);
    const rp = await createRelyingParty(app);
    const { body } = await rp.redeem(codeOf(await rp.authorize(browser)));
    expect(await statusOf(browser, '/oidc/userinfo', bearer(body.access_token ?? ''))).to.equal(
      200,
    );
    expect(decodeJwt(body.id_token ?? ''))
      .to.have.property('email')
      .and.not.have.property('said');
    expect(shortened()[0]?.fields).to.include({ claim: 'said' });
    // With that much said, nobody can be granted anything, and hears why.
    const [name] = await app.app.use(Roles).namesOf(user.id);
    await app.app.use(Roles).revoke(user.id, name ?? '');
    const refused = await app.app
      .use(Roles)
      .grant(user.id, name ?? '')
      .catch((error) => error);
    expect(refused.details.detail).to.contain('there is room for 0');
  });
});
