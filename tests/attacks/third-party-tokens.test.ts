/** What a third party gets of the operator's API by asking for `openid`: nothing (D2). */
import { expect } from 'chai';
import { createRemoteJWKSet } from 'jose';
import request from 'supertest';
import { createApp } from '../../examples/async-api/app.ts';
import { createAccessTokenVerifier } from '../../examples/async-api/verify-access-token.ts';
import type { NewClient } from '../../src/plugins/clients/contract.ts';
import { Clients } from '../../src/plugins/clients/contract.ts';
import type { User } from '../../src/plugins/users/contract.ts';
import { type Answer, type Browser, type Form, forms } from '../support/browser.ts';
import { createUser, signedInBrowser } from '../support/people.ts';
import {
  codeOf,
  createRelyingParty,
  errorOf,
  type RelyingParty,
  type TokenAnswer,
} from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { decodeToken } from './forged-token.ts';

const TITLE = 'Reports of Example Ltd';
const allow = ({ action }: Form): boolean => action.endsWith('/allow');

describe("the operator's API and third parties", () => {
  let app: TestApp;
  let api: string;
  let user: User;

  before(async () => {
    app = await startTestApp({ settings: { API_TITLE: TITLE } });
    api = `${app.issuer}/api`;
    user = await createUser(app, ['reports', 'superuser']);
  });
  after(() => app.close());

  const third = (metadata: Partial<NewClient> = {}) =>
    createRelyingParty(app, { first_party: false, ...metadata });
  const granted = (metadata: Partial<NewClient> = {}) =>
    third({ allowed_resources: [api], ...metadata });
  const isConsentPage = (page: Answer): boolean => forms(page).some(allow);
  const claimsOf = (body: TokenAnswer['body']) => decodeToken(body.access_token ?? '').claims;

  /** The other button of the form. */
  const denied = async (browser: Browser, page: Answer): Promise<Answer> => {
    const form = forms(page).find(allow);
    const action = form?.action.replace(/allow$/, 'deny') ?? '';
    const post = { form: form?.fields ?? {}, headers: { origin: app.issuer } };
    return browser.follow(await browser.request(action, post));
  };

  /** An authorization that a person allows, redeemed. */
  async function allowed(rp: RelyingParty, params: Record<string, string> = {}) {
    const browser = await signedInBrowser(app, user);
    const page = await rp.authorize(browser, { scope: 'openid', ...params });
    const answer = isConsentPage(page) ? await browser.submit(page, {}, allow) : page;
    return { browser, page, body: (await rp.redeem(codeOf(answer))).body };
  }

  function expectOwn(body: TokenAnswer['body']): void {
    expect(claimsOf(body)['aud']).to.equal(app.issuer);
    expect(claimsOf(body)).not.to.have.property('roles');
    expect(claimsOf(body)['roles_ver']).to.be.a('number');
  }

  function expectApi(body: TokenAnswer['body']): void {
    expect(claimsOf(body)['aud']).to.deep.equal([api, app.issuer]);
    expect(claimsOf(body)['roles']).to.deep.equal(['reports', 'superuser']);
  }

  it('D2 SEC-60 a consent to openid is no token for it, and names no role anywhere', async () => {
    const rp = await third();
    const { page, body } = await allowed(rp);
    expect(page.text).not.to.include(TITLE);
    expectOwn(body);
    expect(decodeToken(body.id_token ?? '').claims).not.to.have.property('roles');
    const token = body.access_token ?? '';
    const authorization = `Bearer ${token}`;
    const userinfo = await app.browser().request('/oidc/userinfo', { headers: { authorization } });
    expect(userinfo.json()).to.deep.equal({ sub: user.id });
    const introspection = (await rp.post('/oidc/introspect', { token })).json();
    expect(introspection)
      .to.include({ active: true, aud: app.issuer })
      .and.not.have.any.keys('roles');
    for (const path of ['/auth/me', '/users', '/roles']) {
      const answer = await app.browser().request(path, { headers: { authorization } });
      expect(answer.status, path).to.equal(403);
    }
    const refreshed = (await rp.refresh(body.refresh_token ?? '')).body;
    expectOwn(refreshed);
    expect(decodeToken(refreshed.id_token ?? '').claims).not.to.have.property('roles');
  });

  it('D2 examples/async-api refuses it, and takes the token of a client that was granted the API', async () => {
    const keys = createRemoteJWKSet(new URL(`${app.issuer}/.well-known/jwks.json`));
    const verify = createAccessTokenVerifier({
      issuer: app.issuer,
      audience: api,
      keys,
      now: () => new Date(),
    });
    const listener = createApp(
      { issuer: app.issuer, audience: api, scope: 'reports', adminRole: 'reports', baseUrl: api },
      { verify, revocations: { denies: () => false, isCurrent: () => true } },
    ).callback();
    const statuses = async ({ access_token: token = '' }: TokenAnswer['body']) => {
      const get = (path: string) =>
        request(listener).get(path).set('Authorization', `Bearer ${token}`);
      return [(await get('/me')).status, (await get('/admin')).status];
    };
    const scope = { scope: 'openid reports' };
    const one = await third({ allowed_scopes: ['reports'] });
    expect(await statuses((await allowed(one, scope)).body)).to.deep.equal([401, 401]);
    const other = await granted({ allowed_scopes: ['reports'] });
    expect(await statuses((await allowed(other)).body)).to.deep.equal([403, 403]);
    expect(await statuses((await allowed(other, scope)).body)).to.deep.equal([200, 200]);
    const ours = await createRelyingParty(app, { allowed_scopes: ['reports'] });
    expect(await statuses((await allowed(ours, scope)).body)).to.deep.equal([200, 200]);
  });

  it('D2 who was not granted the API gets invalid_target wherever it asks for it', async () => {
    const rp = await third();
    const browser = await signedInBrowser(app, user);
    expect(errorOf(await rp.authorize(browser, { resource: api }))).to.equal('invalid_target');
    const { body } = await allowed(rp);
    const refused = await rp.refresh(body.refresh_token ?? '', { resource: api });
    expect(refused.body.error).to.equal('invalid_target');
    expectOwn((await rp.refresh(body.refresh_token ?? '')).body);
    const code = codeOf(await rp.authorize(browser, { scope: 'openid' }));
    expect((await rp.redeem(code, { resource: api })).body.error).to.equal('invalid_target');
    const pushed = await rp.post('/oidc/par', {
      ...Object.fromEntries(new URL(`${app.issuer}${rp.authorizationUrl()}`).searchParams),
      resource: api,
    });
    expect(pushed.json()['error']).to.equal('invalid_target');
    expectOwn((await allowed(rp, { resource: app.issuer })).body);
  });

  it('D2 a granted API is a line of its own on the page, and is given as it was asked for', async () => {
    const rp = await granted();
    const { page, body, browser } = await allowed(rp);
    expect(page.text).to.include(`Use ${TITLE} for you`);
    expectApi(body);
    expectApi((await rp.refresh(body.refresh_token ?? '')).body);
    const { consents } = (await browser.request('/auth/consents')).json() as {
      consents: readonly { client_id: string; resources: readonly string[] }[];
    };
    const mine = consents.find(({ client_id }) => client_id === rp.client.client_id);
    expect(mine?.resources).to.deep.equal([api]);
    const own = await allowed(rp, { resource: app.issuer });
    expect(isConsentPage(own.page), 'nothing more is asked').to.equal(false);
    expectOwn(own.body);
    const wide = await rp.refresh(own.body.refresh_token ?? '', { resource: api });
    expect(wide.body.error, 'a refresh never widens').to.equal('invalid_target');
    expectOwn((await rp.refresh(own.body.refresh_token ?? '')).body);
  });

  it('D2 a token of one authorization for the API can be had for this server alone', async () => {
    const rp = await granted();
    const { body } = await allowed(rp);
    const narrow = await rp.refresh(body.refresh_token ?? '', { resource: app.issuer });
    expectOwn(narrow.body);
    expectApi((await rp.refresh(narrow.body.refresh_token ?? '')).body);
  });

  it('D2 both resources at once are one token for the API, which names this server as well', async () => {
    const both = new URLSearchParams([
      ['resource', app.issuer],
      ['resource', api],
    ]);
    const ask = async (rp: RelyingParty) => {
      const browser = await signedInBrowser(app, user);
      const url = rp.authorizationUrl({ scope: 'openid' });
      return { browser, page: await browser.open(`${url}&${both}`) };
    };
    expect(errorOf((await ask(await third())).page)).to.equal('invalid_target');
    const rp = await granted();
    const { browser, page } = await ask(rp);
    expect(page.text).to.include(TITLE);
    const { body } = await rp.redeem(codeOf(await browser.submit(page, {}, allow)));
    expectApi(body);
    expectApi((await rp.refresh(body.refresh_token ?? '')).body);
  });

  it('D2 denied, the API is given to nobody; without a question it is not given either', async () => {
    const rp = await granted();
    const browser = await signedInBrowser(app, user);
    const silent = await rp.authorize(browser, { scope: 'openid', prompt: 'none' });
    expect(errorOf(silent)).to.equal('consent_required');
    const page = await rp.authorize(browser, { scope: 'openid' });
    expect(errorOf(await denied(browser, page))).to.equal('access_denied');
    expect(isConsentPage(await rp.authorize(browser, { scope: 'openid' }))).to.equal(true);
  });

  it('D2 a client that is granted the API later asks for it, and its old grants stay without', async () => {
    const rp = await third();
    const { browser, body } = await allowed(rp);
    await app.app.use(Clients).setResources(rp.client.client_id, [api]);
    expectOwn((await rp.refresh(body.refresh_token ?? '')).body);
    const silent = await rp.authorize(browser, { scope: 'openid', prompt: 'none' });
    expect(errorOf(silent)).to.equal('consent_required');
    const bare = await rp.authorize(browser, { scope: undefined, prompt: 'none' });
    expect(errorOf(bare), 'without any scope').to.equal('invalid_scope');
    const { page, body: more } = await allowed(rp);
    expect(page.text).to.include(`Use ${TITLE} for you`);
    expectApi(more);
  });

  it('D2 a client that loses the API loses its tokens at once, and signs people in without it', async () => {
    const rp = await granted();
    const { browser, body } = await allowed(rp);
    const pending = await rp.authorize(await signedInBrowser(app, user), {
      scope: 'openid',
      prompt: 'consent',
    });
    await app.app.use(Clients).setResources(rp.client.client_id, []);
    const { access_token: token = '', refresh_token: refresh = '' } = body;
    const introspection = (await rp.post('/oidc/introspect', { token })).json();
    expect(introspection).to.deep.equal({ active: false });
    expect((await rp.refresh(refresh)).body.error).to.equal('invalid_grant');
    const silent = await rp.authorize(browser, { scope: 'openid', prompt: 'none' });
    expectOwn((await rp.redeem(codeOf(silent))).body);
    expect(isConsentPage(pending)).to.equal(true);
  });

  it('D2 a page that is open while the client loses the API allows the rest', async () => {
    const rp = await granted();
    const browser = await signedInBrowser(app, user);
    const page = await rp.authorize(browser, { scope: 'openid' });
    expect(page.text).to.include(TITLE);
    await app.app.use(Clients).setResources(rp.client.client_id, []);
    expectOwn((await rp.redeem(codeOf(await browser.submit(page, {}, allow)))).body);
  });

  it('D2 client credentials name the API for first-party clients and those granted it', async () => {
    const machine = { grant_types: ['client_credentials'], redirect_uris: [] };
    const ask = async (rp: RelyingParty, fields: Record<string, string> = {}) =>
      (await rp.token({ grant_type: 'client_credentials', ...fields })).body;
    const one = await third(machine);
    expect(claimsOf(await ask(one))['aud']).to.equal(app.issuer);
    expect((await ask(one, { resource: api })).error).to.equal('invalid_target');
    for (const rp of [await granted(machine), await createRelyingParty(app, machine)]) {
      expect(claimsOf(await ask(rp))['aud']).to.deep.equal([api, app.issuer]);
      expect(claimsOf(await ask(rp, { resource: app.issuer }))['aud']).to.equal(app.issuer);
      expect(claimsOf(await ask(rp))).not.to.have.any.keys('roles', 'roles_ver');
    }
  });

  it('D2 the scope roles, registered and allowed, puts roles into ID token and userinfo only', async () => {
    const rp = await third({ allowed_scopes: ['roles'] });
    const { page, body } = await allowed(rp, { scope: 'openid roles' });
    expect(page.text).to.include('See your roles');
    expectOwn(body);
    const roles = ['reports', 'superuser'];
    expect(decodeToken(body.id_token ?? '').claims['roles']).to.deep.equal(roles);
    const authorization = `Bearer ${body.access_token}`;
    const userinfo = await app.browser().request('/oidc/userinfo', { headers: { authorization } });
    expect(userinfo.json()).to.deep.equal({ sub: user.id, roles });
    const refreshed = (await rp.refresh(body.refresh_token ?? '')).body;
    expect(decodeToken(refreshed.id_token ?? '').claims['roles']).to.deep.equal(roles);
  });

  it('D2 the scope roles is worth nothing to a client that did not register it', async () => {
    for (const rp of [await third(), await createRelyingParty(app)]) {
      const { page, body } = await allowed(rp, { scope: 'openid roles' });
      expect(page.text).not.to.include('See your roles');
      expect(body.scope).to.equal('openid');
      expect(decodeToken(body.id_token ?? '').claims).not.to.have.property('roles');
    }
    const metadata = (await app.browser().request('/.well-known/openid-configuration')).json();
    expect(metadata['scopes_supported']).to.include('roles');
    expect(metadata['claims_supported']).to.include('roles');
  });
});
