import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { Browser } from '../support/browser.ts';
import { forms } from '../support/browser.ts';
import { createUser, login, PASSWORD, signedInBrowser } from '../support/people.ts';
import { createRelyingParty } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { registeredRoutes } from './registered-routes.ts';

const SAME_ORIGIN = { 'sec-fetch-site': 'same-origin' };

describe('content types', () => {
  let app: TestApp;
  let browser: Browser;

  before(async () => {
    app = await startTestApp();
  });
  after(() => app.close());
  beforeEach(async () => {
    browser = app.browser();
    await login(browser, await createUser(app));
  });

  /** A browser sends these without a preflight, or a sloppy server takes them for JSON. */
  const OTHERS = [
    'text/plain',
    'text/plain; charset=utf-8',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'text/json',
    'application/javascript',
    'application/jsonx',
    'application/json-patch+json',
    'text/plain, application/json',
    'application/octet-stream',
    '',
  ];

  for (const type of OTHERS) {
    it(`SEC-31 a JSON route refuses ${JSON.stringify(type)} with 415`, async () => {
      const send = (path: string, method: string, json: object) =>
        browser.request(path, {
          method,
          body: Buffer.from(JSON.stringify(json)),
          headers: { ...SAME_ORIGIN, ...(type ? { 'content-type': type } : {}) },
        });
      const credentials = { email: 'a@example.com', password: PASSWORD };
      expect((await send('/auth/me', 'PATCH', { name: 'x' })).status).to.equal(415);
      expect((await send('/auth/reauthenticate', 'POST', { password: PASSWORD })).status).to.equal(
        415,
      );
      expect((await send('/auth/login', 'POST', credentials)).status).to.equal(415);
      expect((await send('/auth/register', 'POST', credentials)).status).to.equal(415);
      expect((await browser.request('/auth/me')).json()['name']).to.equal('Test Person');
    });
  }

  for (const type of ['application/json', 'application/json; charset=utf-8', 'APPLICATION/JSON']) {
    it(`SEC-31 a JSON route takes ${type}`, async () => {
      const answer = await browser.request('/auth/me', {
        method: 'PATCH',
        body: '{"name":"Changed"}',
        headers: { ...SAME_ORIGIN, 'content-type': type },
      });
      expect(answer.status).to.equal(200);
    });
  }

  it('SEC-31 JSON in the shape of a form field changes nothing (text/plain form trick)', async () => {
    const answer = await browser.request('/auth/login', {
      body: '{"email":"a@example.com","password":"x","ignore":"="}',
      headers: { 'content-type': 'text/plain', 'sec-fetch-site': 'cross-site' },
    });
    expect(answer.status).to.equal(403);
    expect(answer.setCookies).to.deep.equal([]);
  });

  it('Casdoor CVE-2026-84423: no route takes a file, from nobody and from a superuser', async () => {
    const { routes } = registeredRoutes(app);
    const superuser = await signedInBrowser(app, await createUser(app, ['superuser']));
    const token = await superuser.cookie('authsrv-access');
    const upload =
      '--x\r\ncontent-disposition: form-data; name="file"; filename="../../evil.html"\r\n\r\n<p>evil</p>\r\n--x--\r\n';
    const takers = routes.filter(({ body }) => body);
    expect(takers).to.not.have.lengthOf(0);
    for (const { method, path } of [...takers, { method: 'put', path: '/assets/evil.html' }]) {
      for (const proof of [{}, { authorization: `Bearer ${token}` }]) {
        const answer = await app.browser().request(path.replace(/:\w+/g, randomUUID()), {
          method: method.toUpperCase(),
          anonymous: true,
          body: upload,
          headers: { ...proof, 'content-type': 'multipart/form-data; boundary=x' },
        });
        expect(answer.status, `${method} ${path}`).to.be.within(400, 499);
      }
    }
    expect((await app.browser().request('/assets/evil.html')).status).to.equal(404);
  });

  it('SEC-31 pages take forms only: a JSON sign-in on the hosted page is refused', async () => {
    const rp = await createRelyingParty(app);
    const stranger = app.browser();
    const page = await rp.authorize(stranger);
    const form = forms(page).find(({ action }) => action.endsWith('/login'));
    const user = await createUser(app);
    for (const type of ['application/json', 'text/plain', 'multipart/form-data; boundary=x']) {
      const answer = await stranger.request(form?.action ?? '', {
        method: 'POST',
        body: JSON.stringify({ ...form?.fields, email: user.email, password: PASSWORD }),
        headers: { ...SAME_ORIGIN, 'content-type': type },
      });
      expect(answer.status, type).to.equal(415);
    }
  });
});
