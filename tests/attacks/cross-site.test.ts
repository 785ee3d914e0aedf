import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { Browser } from '../support/browser.ts';
import { createUser, login, PASSWORD } from '../support/people.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { basePath } from './base-path.ts';
import { rawRequest } from './raw-request.ts';

const ORIGIN = 'https://auth.example.com';
/** Named in CORS_ORIGINS. */
const FRIEND = 'https://app.example.com';
const STRANGER = 'https://evil.example.net';

const SITES = [undefined, 'none', 'same-origin', 'same-site', 'cross-site', 'bogus'] as const;
const ORIGINS = [undefined, ORIGIN, FRIEND, STRANGER, 'null'] as const;

type Site = (typeof SITES)[number];
type Origin = (typeof ORIGINS)[number];

/** Sec-Fetch-Site decides where it is sent, then Origin; with neither it is no browser (SEC-29, SEC-30). */
function isAllowed(site: Site, origin: Origin): boolean {
  if (site === 'same-origin' || site === 'none') return true;
  if (origin === FRIEND) return true;
  if (site !== undefined) return false;
  return origin === ORIGIN || origin === undefined;
}

const headersOf = (site: Site, origin: Origin): Record<string, string> => ({
  ...(site === undefined ? {} : { 'sec-fetch-site': site }),
  ...(origin === undefined ? {} : { origin }),
});

describe('requests from other sites', () => {
  let app: TestApp;
  let browser: Browser;

  before(async () => {
    app = await startTestApp({ origin: ORIGIN, settings: { CORS_ORIGINS: FRIEND } });
  });
  after(() => app.close());

  beforeEach(async () => {
    browser = app.browser();
  });

  /** Every unsafe request that there is, by somebody who is signed in or signs in; its status. */
  async function tryAll(headers: Record<string, string>): Promise<Record<string, number>> {
    const user = await createUser(app);
    await login(browser, user);
    const send = (path: string, method: string, json?: object) =>
      browser.request(path, { method, headers, ...(json ? { json } : {}) });
    const stranger = (path: string, json: object) => app.browser().request(path, { json, headers });
    const email = `r-${randomUUID()}@example.com`;
    return {
      register: (await stranger('/auth/register', { email, password: PASSWORD })).status,
      // Login CSRF: nobody is signed in in this browser.
      login: (await stranger('/auth/login', { email: user.email, password: PASSWORD })).status,
      profile: (await send('/auth/me', 'PATCH', { name: 'Changed' })).status,
      reauthenticate: (await send('/auth/reauthenticate', 'POST', { password: PASSWORD })).status,
      refresh: (await send('/auth/refresh', 'POST')).status,
      logout: (await send('/auth/logout', 'POST')).status,
    };
  }

  const PASSED = {
    register: 201,
    login: 200,
    profile: 200,
    reauthenticate: 204,
    refresh: 200,
    logout: 204,
  };
  const STOPPED = Object.fromEntries(Object.keys(PASSED).map((name) => [name, 403]));

  for (const [site, origin] of SITES.flatMap((one) =>
    ORIGINS.map((other) => [one, other] as const),
  )) {
    const title = `Sec-Fetch-Site ${site ?? 'absent'}, Origin ${origin ?? 'absent'}`;
    if (isAllowed(site, origin)) {
      it(`SEC-29 ${title}: passes`, async () => {
        expect(await tryAll(headersOf(site, origin))).to.deep.equal(PASSED);
      });
    } else {
      it(`SEC-29 ${title}: 403, and nothing has happened`, async () => {
        expect(await tryAll(headersOf(site, origin))).to.deep.equal(STOPPED);
        const me = await browser.request('/auth/me');
        expect(me.status, 'still signed in').to.equal(200);
        expect(me.json()['name']).to.equal('Test Person');
      });
    }
  }

  it('SEC-29 without Sec-Fetch-Site and Origin the Referer counts', async () => {
    await login(browser, await createUser(app));
    const patch = async (referer: string): Promise<number> => {
      const options = { method: 'PATCH', json: { name: 'x' }, headers: { referer } };
      return (await browser.request('/auth/me', options)).status;
    };
    expect(await patch(`${ORIGIN}/somewhere?x=1`)).to.equal(200);
    expect(await patch(`${FRIEND}/`)).to.equal(200);
    for (const referer of [
      `${STRANGER}/`,
      `${STRANGER}/${ORIGIN}/`,
      `${ORIGIN}.evil.example.net/`,
      `${ORIGIN}@evil.example.net/`,
      `${ORIGIN}:8443/`,
      'http://auth.example.com/',
      'null',
      'about:blank',
      'not a url',
      '//auth.example.com/',
    ]) {
      expect(await patch(referer), referer).to.equal(403);
    }
  });

  it('SEC-29 origins that only look like ours are refused', async () => {
    await login(browser, await createUser(app));
    for (const origin of [
      'http://auth.example.com',
      'https://auth.example.com:8443',
      'https://auth.example.com.evil.net',
      'https://evil-auth.example.com',
      'https://auth.example.com/',
      'https://AUTH.example.com',
      'https://auth.example.com@evil.net',
      `${ORIGIN}, ${STRANGER}`,
      `${ORIGIN} ${STRANGER}`,
      '*',
      'file://',
    ]) {
      const options = { method: 'PATCH', json: { name: 'x' }, headers: { origin } };
      expect((await browser.request('/auth/me', options)).status, origin).to.equal(403);
    }
  });

  it('SEC-29 a second Sec-Fetch-Site or Origin header does not help', async () => {
    await login(browser, await createUser(app));
    const cookie = await browser.jar.getCookieString(`${app.issuer}/auth/me`);
    const body = '{"name":"x"}';
    const head = [
      `PATCH ${basePath(app)}/auth/me HTTP/1.1`,
      'Host: auth.example.com',
      `Cookie: ${cookie}`,
      'Content-Type: application/json',
      `Content-Length: ${body.length}`,
    ];
    const twice = async (name: string, first: string, second: string): Promise<number> =>
      (await rawRequest(app, [...head, `${name}: ${first}`, `${name}: ${second}`], body)).status;
    expect(await twice('Sec-Fetch-Site', 'cross-site', 'same-origin')).to.equal(403);
    expect(await twice('Sec-Fetch-Site', 'same-origin', 'cross-site')).to.equal(403);
    expect(await twice('Origin', STRANGER, ORIGIN)).to.equal(403);
  });

  it('SEC-30 without any of the headers: JSON passes, forms and text do not', async () => {
    const user = await createUser(app);
    await login(browser, user);
    const body = JSON.stringify({ name: 'From curl' });
    const send = async (type: string): Promise<number> => {
      const options = { method: 'PATCH', body, headers: { 'content-type': type } };
      return (await browser.request('/auth/me', options)).status;
    };
    expect(await send('application/json')).to.equal(200);
    for (const type of [
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'text/plain',
      'text/plain; application/json',
    ]) {
      expect(await send(type), type).to.equal(403);
    }
  });

  it('SEC-30 without any of the headers and without a body: no type and JSON pass', async () => {
    const status = async (...headers: string[]): Promise<number> => {
      const head = [
        `POST ${basePath(app)}/auth/logout HTTP/1.1`,
        'Host: auth.example.com',
        ...headers,
      ];
      return (await rawRequest(app, head)).status;
    };
    expect(await status()).to.equal(204);
    expect(await status('Content-Type: application/json')).to.equal(204);
    expect(await status('Content-Type: application/json', 'Content-Length: 0')).to.equal(204);
    expect(await status('Content-Type: application/x-www-form-urlencoded')).to.equal(403);
    expect(await status('Content-Type: text/plain', 'Content-Length: 0')).to.equal(403);
  });

  it('SEC-30 a Bearer token without cookies is exempt: a browser never adds it by itself', async () => {
    await login(browser, await createUser(app));
    const access = await browser.cookie('__Host-access');
    const headers = { authorization: `Bearer ${access}`, ...headersOf('cross-site', STRANGER) };
    const patch = (extra: Record<string, string> = {}) =>
      app.browser().request('/auth/me', {
        method: 'PATCH',
        json: { name: 'x' },
        headers: { ...headers, ...extra },
        anonymous: true,
      });
    expect((await patch()).status).to.equal(200);
    for (const name of ['__Host-access', '__Host-session', '__Secure-refresh']) {
      expect((await patch({ cookie: `${name}=x` })).status, `with ${name}`).to.equal(403);
    }
  });

  it('SEC-30 a made-up Authorization header does not lift the check from cookies', async () => {
    await login(browser, await createUser(app));
    for (const authorization of ['Basic eDp5', 'Bearer', 'Bearer x.y.z', 'x']) {
      const headers = { authorization, ...headersOf('cross-site', STRANGER) };
      const answer = await browser.request('/auth/logout', { method: 'POST', headers });
      expect(answer.status, authorization).to.equal(403);
    }
    expect((await browser.request('/auth/me')).status).to.equal(200);
  });
});
