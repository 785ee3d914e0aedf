import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { type Browser, forms } from '../support/browser.ts';
import { createUser, login, PASSWORD, signedInBrowser } from '../support/people.ts';
import { createRelyingParty, errorOf } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

const SAFE = ['GET', 'HEAD', 'OPTIONS'];
/** How frameworks let a request claim another method than it has. */
const OVERRIDES = ['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override'];

describe('methods', () => {
  let app: TestApp;
  let browser: Browser;

  before(async () => {
    app = await startTestApp();
  });
  after(() => app.close());
  beforeEach(async () => {
    browser = await signedInBrowser(app, await createUser(app));
  });

  const expectUnchanged = async (): Promise<void> => {
    const me = await browser.request('/auth/me');
    expect(me.status).to.equal(200);
    expect(me.json()['name']).to.equal('Test Person');
  };

  it('SEC-33 no safe method signs out, refreshes, signs in or registers', async () => {
    const email = `m-${randomUUID()}@example.com`;
    const query = new URLSearchParams({ email, password: PASSWORD, name: 'Changed' });
    const cookies = await browser.jar.getCookieString(`${app.issuer}/auth/refresh`);
    for (const method of SAFE) {
      for (const path of ['logout', 'refresh', 'login', 'register', 'reauthenticate', 'me']) {
        const answer = await browser.request(`/auth/${path}?${query}`, { method });
        expect(answer.setCookies, `${method} ${path}`).to.deep.equal([]);
        if (path !== 'me') expect(answer.status, `${method} ${path}`).to.equal(405);
      }
    }
    expect(await browser.jar.getCookieString(`${app.issuer}/auth/refresh`)).to.equal(cookies);
    await expectUnchanged();
    expect((await login(app.browser(), { email } as never)).status).to.equal(401);
  });

  it('SEC-33 _method and X-HTTP-Method-Override are ignored', async () => {
    const pairs = OVERRIDES.flatMap((name) => ['PATCH', 'DELETE'].map((to) => ({ name, to })));
    for (const { name, to } of pairs) {
      const headers = { [name]: to };
      const url = `/auth/me?_method=${to}`;
      expect((await browser.request(url, { headers })).status, `GET, ${name}`).to.equal(200);
      const json = { name: 'Changed', _method: to };
      const posted = await browser.request(url, { method: 'POST', headers, json });
      expect(posted.status, `POST, ${name}`).to.equal(405);
    }
    await expectUnchanged();
  });

  it('SEC-33 an unsafe method cannot pass as a safe one, past the check of its origin', async () => {
    for (const name of OVERRIDES) {
      const answer = await browser.request('/auth/me?_method=GET', {
        method: 'PATCH',
        json: { name: 'Changed' },
        headers: { [name]: 'GET', 'sec-fetch-site': 'cross-site' },
      });
      expect(answer.status, name).to.equal(403);
    }
    await expectUnchanged();
  });

  it('SEC-33 opening the sign-out page signs nobody out', async () => {
    const rp = await createRelyingParty(app);
    for (const method of SAFE) {
      await browser.request('/oidc/logout?logout=yes&xsrf=x', { method });
      await browser.request('/oidc/logout/confirm?logout=yes&xsrf=x', { method });
      const query = new URLSearchParams({ client_id: rp.client.client_id });
      await browser.request(`/oidc/logout?${query}`, { method });
    }
    await expectUnchanged();
  });

  it('SEC-33 no safe method runs a step of an interaction', async () => {
    const rp = await createRelyingParty(app, { first_party: false });
    const page = await rp.authorize(browser);
    const form = forms(page).find(({ action }) => action.endsWith('/allow'));
    const query = new URLSearchParams(form?.fields);
    for (const method of SAFE) {
      await browser.request(`${form?.action}?${query}`, { method });
    }
    expect(errorOf(await rp.authorize(browser, { prompt: 'none' }))).to.equal('consent_required');
  });

  it('SEC-33 no safe method reaches the token, introspection, revocation or PAR endpoint', async () => {
    for (const endpoint of ['token', 'introspect', 'revoke', 'par']) {
      for (const method of SAFE) {
        const answer = await browser.request(`/oidc/${endpoint}?grant_type=x&token=x`, { method });
        expect(answer.status, `${method} ${endpoint}`).to.be.oneOf([204, 404, 405]);
        expect(answer.text).not.to.include('access_token');
      }
    }
  });

  it('SEC-33 methods that nobody uses change nothing', async () => {
    for (const method of ['PUT', 'POST', 'PROPFIND', 'LOCK', 'PURGE', 'QUERY']) {
      const answer = await browser.request('/auth/me', { method, json: { name: 'Changed' } });
      expect(answer.status, method).to.be.oneOf([404, 405, 501]);
    }
    await expectUnchanged();
  });

  it('CVE-2023-34927 (Casdoor) a cross-site form or link cannot change credentials or profile', async () => {
    const fields = { password: 'another long password', new_password: 'another long password' };
    const headers = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example.net' };
    for (const path of ['/auth/password', '/auth/email', '/auth/me', '/auth/reauthenticate']) {
      const query = new URLSearchParams(fields);
      await browser.request(`${path}?${query}`);
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
        const answer = await browser.request(path, { method, form: fields, headers });
        expect(answer.status, `${method} ${path}`).to.be.oneOf([403, 404, 405]);
      }
    }
    await expectUnchanged();
    const email = String((await browser.request('/auth/me')).json()['email']);
    expect((await login(app.browser(), { email } as never)).status).to.equal(200);
  });
});
