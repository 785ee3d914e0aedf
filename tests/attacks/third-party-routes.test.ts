/** Which of our own routes a third party reaches with everything it can be allowed (D18c). */
import { expect } from 'chai';
import type { NewClient } from '../../src/plugins/clients/contract.ts';
import { Consents } from '../../src/plugins/consent/contract.ts';
import { describeScope } from '../../src/plugins/consent/scope-texts.ts';
import { Users } from '../../src/plugins/users/contract.ts';
import { createUser, PASSWORD, signedInBrowser } from '../support/people.ts';
import { codeOf, createRelyingParty } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { callRoute, registeredRoutes } from './registered-routes.ts';

const SCOPES = ['openid', 'account', 'admin'];
const FIRST_PARTY_ONLY = 'urn:problem:http:first-party-only';

/** What the texts of `account` and `admin` on the consent page speak of, and nothing else. */
const OPEN = [
  'get /auth/me',
  'patch /auth/me',
  'get /auth/sessions',
  'get /auth/login-history',
  'get /auth/consents',
  'get /oauth2/identities',
  'get /users',
  'get /users/:id',
  'patch /users/:id',
  'delete /users/:id',
  'get /users/:id/roles',
  'put /users/:id/roles/:roleId',
  'delete /users/:id/roles/:roleId',
  'get /roles',
  'post /roles',
  'get /roles/:id',
  'patch /roles/:id',
  'delete /roles/:id',
];

describe('our own routes and third parties', () => {
  let app: TestApp;

  before(async () => {
    app = await startTestApp();
    await createUser(app, ['superuser']);
  });
  after(() => app.close());

  /** A user who has just signed in, and what an application of this kind holds of them. */
  async function holder(metadata: Partial<NewClient>) {
    const user = await createUser(app, ['superuser']);
    const rp = await createRelyingParty(app, { allowed_scopes: ['account', 'admin'], ...metadata });
    await app.app.use(Consents).allow(user.id, rp.client.client_id, {
      scopes: SCOPES,
      resources: [`${app.issuer}/api`],
    });
    const browser = await signedInBrowser(app, user);
    const code = codeOf(await rp.authorize(browser, { scope: SCOPES.join(' ') }));
    const { body } = await rp.redeem(code);
    return { user, browser, headers: { authorization: `Bearer ${body.access_token}` } };
  }

  it('D18c SEC-60 a third party reaches what the consent page names, and no other route', async () => {
    for (const metadata of [
      { first_party: false },
      { first_party: false, allowed_resources: [`${app.issuer}/api`] },
    ]) {
      const { user, headers } = await holder(metadata);
      const { routes } = registeredRoutes(app);
      const open: string[] = [];
      for (const route of routes.filter(
        ({ access }) => access.kind === 'user' || access.kind === 'role',
      )) {
        const answer = await callRoute(app, route, headers);
        const name = `${route.method} ${route.path}`;
        if (answer.status !== 403) open.push(name);
        else expect(answer.json()['type'], name).to.equal(FIRST_PARTY_ONLY);
      }
      expect(open).to.have.members(OPEN);
      expect(await app.app.use(Users).find(user.id), 'the account is there').to.be.an('object');
    }
  });

  it('D18c it neither deletes the account, nor exports it, nor takes a password or address, nor ends a session', async () => {
    const { user, browser, headers } = await holder({ first_party: false });
    const call = (method: string, path: string, json?: object) =>
      app.browser().request(path, { method, headers, anonymous: true, ...(json ? { json } : {}) });
    const passwords = { current_password: PASSWORD, new_password: 'eight loud storks sing' };
    for (const answer of [
      await call('DELETE', '/auth/me'),
      await call('GET', '/auth/me/export'),
      await call('PUT', '/auth/password', passwords),
      await call('PUT', '/auth/email', { email: 'x@example.com', current_password: PASSWORD }),
      await call('POST', '/auth/reauthenticate', { password: PASSWORD }),
      await call('DELETE', '/auth/sessions'),
    ]) {
      expect(answer.status).to.equal(403);
      expect(answer.json()['type']).to.equal(FIRST_PARTY_ONLY);
    }
    // Signing out is idempotent: whose token it is, is not told.
    expect((await call('POST', '/auth/logout')).status).to.equal(204);
    expect((await browser.request('/auth/me')).status, 'still signed in').to.equal(200);
    expect(await app.app.use(Users).find(user.id), 'still there').to.be.an('object');
  });

  it('D18c a first-party client does it all, as a REST login does', async () => {
    const { user, browser, headers } = await holder({ first_party: true });
    const call = (method: string, path: string) =>
      app.browser().request(path, { method, headers, anonymous: true });
    expect((await call('GET', '/auth/me/export')).status).to.equal(200);
    expect((await call('DELETE', '/auth/sessions')).status).to.equal(204);
    expect((await call('POST', '/auth/logout')).status).to.equal(204);
    expect((await browser.request('/auth/me')).status, 'signed out by its token').to.equal(401);
    const again = await signedInBrowser(app, user);
    expect((await again.request('/auth/me', { method: 'DELETE' })).status).to.equal(204);
  });

  it('D18c the texts name what is possible and no more', () => {
    const text = (name: string) => describeScope(name).description ?? '';
    expect(text('account')).not.to.match(/password|e-mail|delete|end /i);
    for (const word of ['name', 'language', 'devices', 'sign-ins', 'connected accounts']) {
      expect(text('account')).to.include(word);
    }
    for (const word of ['see', 'disable', 'delete', 'of others', 'roles']) {
      expect(text('admin')).to.include(word);
    }
  });
});
