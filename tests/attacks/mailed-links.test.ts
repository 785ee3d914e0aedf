/** Codes of mailed links are for one purpose, one use, and lead to our own origin only. */
import { createHash, randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { Users } from '../../src/plugins/users/contract.ts';
import { type Answer, type Browser, forms } from '../support/browser.ts';
import { codeMailedTo, OUTBOX_ONLY } from '../support/mailed-links.ts';
import { createUser, PASSWORD, signedInBrowser } from '../support/people.ts';
import { codeOf, createRelyingParty } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { createTokenPlaces, REFUSED } from './token-places.ts';

const NEW_PASSWORD = 'nine loud ravens dive';
const newEmail = (): string => `new-${randomUUID()}@example.org`;
const SAME_ORIGIN = { 'sec-fetch-site': 'same-origin', accept: 'text/html' };

describe('mailed links', () => {
  let app: TestApp;
  before(async () => {
    app = await startTestApp({
      origin: 'https://auth.example.com',
      settings: { ...OUTBOX_ONLY, REGISTRATION: 'strict', TRUST_PROXY: '127.0.0.1' },
    });
  });
  after(() => app.close());

  const post = (path: string, json: object, browser: Browser = app.browser()): Promise<Answer> =>
    browser.request(path, { json });
  const confirm = (token: string) => post('/auth/email/confirm', { token, password: PASSWORD });
  const reset = (token: string) =>
    post('/auth/password/reset', { token, new_password: NEW_PASSWORD });
  const changeEmail = (browser: Browser, email: string) =>
    browser.request('/auth/email', { method: 'PUT', json: { email, current_password: PASSWORD } });

  /** A fresh code of each purpose, and the route that it is for. */
  const PURPOSES: Record<string, () => Promise<{ code: string; use: typeof confirm }>> = {
    'verify-email': async () => {
      const user = await createUser(app);
      const browser = await signedInBrowser(app, user);
      await browser.request('/auth/email/verify', { method: 'POST' });
      return { code: await codeMailedTo(app, user.email), use: confirm };
    },
    'change-email': async () => {
      const email = newEmail();
      await changeEmail(await signedInBrowser(app, await createUser(app)), email);
      return { code: await codeMailedTo(app, email), use: confirm };
    },
    register: async () => {
      const email = newEmail();
      await post('/auth/register', { email, password: PASSWORD });
      return { code: await codeMailedTo(app, email), use: confirm };
    },
    'password-reset': async () => {
      const { email } = await createUser(app);
      await post('/auth/password/forgot', { email });
      return { code: await codeMailedTo(app, email), use: reset };
    },
  };

  /** What other parts of the server issue, or what somebody outside chooses. */
  async function foreignTokens(): Promise<Record<string, string>> {
    const user = await createUser(app);
    const browser = await signedInBrowser(app, user);
    const rp = await createRelyingParty(app);
    const state = `state-${randomUUID()}`;
    const authorized = await rp.authorize(browser, {
      state,
      nonce: 'n-0S6',
      scope: 'openid email',
    });
    const spare = codeOf(await rp.authorize(browser));
    const { body } = await rp.redeem(codeOf(authorized));
    const page = await rp.authorize(app.browser());
    const pushed = await rp.post('/oidc/par', {
      client_id: rp.client.client_id,
      response_type: 'code',
      redirect_uri: rp.redirectUri,
      code_challenge: rp.challenge,
      code_challenge_method: 'S256',
      scope: 'openid',
    });
    const { code } = await (PURPOSES['password-reset'] as () => Promise<{ code: string }>)();
    return {
      'OAuth state': state,
      'authorization code': spare,
      'refresh token': body.refresh_token ?? '',
      'ID token': body.id_token ?? '',
      'access token': (await browser.cookie('__Host-access')) ?? '',
      'refresh cookie': (await browser.cookie('__Secure-refresh')) ?? '',
      'session cookie': (await browser.cookie('__Host-session')) ?? '',
      'interaction uid': page.url.split('/').at(-1) ?? '',
      'form token': forms(page)[0]?.fields['_csrf'] ?? '',
      request_uri: pushed.json<{ request_uri: string }>().request_uri ?? pushed.text,
      'user id': user.id,
      'stored hash of a code': createHash('sha256').update(code).digest('base64url'),
      'code with a bit more': `${code}A`,
      'code cut short': code.slice(1),
      'code in capitals': code.toUpperCase(),
      empty: '',
      NUL: '\0',
      prototype: '__proto__',
      'lone surrogate': '\ud800',
    };
  }

  for (const [purpose, issue] of Object.entries(PURPOSES)) {
    it(`SEC-13 CVE-2026-114607 CVE-2026-110862 a code for ${purpose} does that, and nothing anywhere else`, async () => {
      const { code, use } = await issue();
      for (const wrong of [confirm, reset].filter((route) => route !== use)) {
        expect((await wrong(code)).status).to.equal(410);
      }
      const places = await createTokenPlaces(app);
      expect(await places(code)).to.deep.include({ ...REFUSED });
      const rp = await createRelyingParty(app);
      expect((await rp.redeem(code)).body.error).to.equal('invalid_grant');
      expect((await rp.refresh(code)).body.error).to.equal('invalid_grant');
      for (const cookie of [`__Secure-refresh=${code}`, `__Host-session=${code}`]) {
        const headers = { cookie };
        const answer = await app.browser().request('/auth/refresh', { method: 'POST', headers });
        expect(answer.status).to.equal(401);
      }
      const uid = await app.browser().request(`/interaction/${code}`);
      expect(uid.status).to.equal(400);
      // None of this has used it up.
      expect((await use(code)).status).to.be.oneOf([200, 204]);
      expect((await use(code)).status).to.equal(410);
    });
  }

  it('SEC-13 CVE-2026-114607 CVE-2026-110862 CVE-2026-121802 nothing else works as a code', async () => {
    for (const [name, token] of Object.entries(await foreignTokens())) {
      expect((await confirm(token)).status, `${name} at confirm`).to.equal(410);
      expect((await reset(token)).status, `${name} at reset`).to.equal(410);
      const path = `/l/${encodeURIComponent(token.toWellFormed())}`;
      const page = await app.browser().request(path, { headers: { accept: 'text/html' } });
      expect(page.status, `${name} at /l/`).to.be.oneOf([404, 410]);
    }
  });

  it('SEC-33 opening a link changes nothing, however often a scanner does', async () => {
    for (const issue of Object.values(PURPOSES)) {
      const { code, use } = await issue();
      for (const method of ['GET', 'HEAD', 'GET', 'OPTIONS']) {
        const answer = await app.browser().request(`/l/${code}`, { method });
        if (method === 'GET') expect(answer.status).to.equal(200);
      }
      expect((await use(code)).status).to.be.oneOf([200, 204]);
    }
  });

  it('SEC-32 the form of a link needs the token of its own page, and our origin', async () => {
    const { code } = await (PURPOSES['password-reset'] as () => Promise<{ code: string }>)();
    const other = await (PURPOSES['password-reset'] as () => Promise<{ code: string }>)();
    const browser = app.browser();
    const tokenAt = async (path: string) =>
      forms(await browser.request(path))[0]?.fields['_csrf'] ?? '';
    const own = await tokenAt(`/l/${code}`);
    const act = (_csrf: string, headers: Record<string, string> = SAME_ORIGIN) =>
      browser.request(`/l/${code}`, { form: { _csrf, new_password: NEW_PASSWORD }, headers });
    const foreign = await tokenAt(`/l/${other.code}`);
    const general = await tokenAt('/auth/password/forgot');
    for (const token of ['', foreign, general]) {
      expect((await act(token)).status).to.equal(403);
    }
    expect((await act(own, { 'sec-fetch-site': 'cross-site' })).status).to.equal(403);
    expect((await act(own, { origin: 'null' })).status).to.equal(403);
    expect((await act(own)).status).to.equal(200);
    expect((await act(own)).status).to.equal(410);
  });

  it('SEC-13 only hashes of codes are stored', async () => {
    const { code } = await (PURPOSES['change-email'] as () => Promise<{ code: string }>)();
    const [rows] = await app.storage.db.orm.query('SELECT * FROM email_links');
    expect(rows).to.not.have.lengthOf(0);
    expect(JSON.stringify(rows)).to.not.contain(code);
    expect(Buffer.from(code, 'base64url')).to.have.lengthOf(24);
  });

  it('SEC-93 pages of links are never kept, framed, or named in a Referer', async () => {
    const { code } = await (PURPOSES['password-reset'] as () => Promise<{ code: string }>)();
    const policies = {
      [`/l/${code}`]: 'no-referrer',
      '/l/none': 'no-referrer',
      // No secret in its URL, so its form may come with our origin (B-07).
      '/auth/password/forgot': 'same-origin',
      '/auth/password/forgot?token=x': 'no-referrer',
    };
    for (const [path, policy] of Object.entries(policies)) {
      const { headers } = await app.browser().request(path);
      expect(headers.get('cache-control')).to.equal('no-store');
      expect(headers.get('referrer-policy'), path).to.equal(policy);
      expect(headers.get('content-security-policy')).to.contain("default-src 'none'");
      expect(headers.get('content-security-policy')).to.contain("frame-ancestors 'none'");
    }
  });

  it('leads from the parameter form of an address to the link’s page', async () => {
    const { request } = app.browser();
    const led = await request('/auth/password/reset?token=abc%2F..%2Fx');
    expect(led.status).to.equal(303);
    expect(led.location?.href).to.equal(`${app.issuer}/l/abc%2F..%2Fx`);
    const none = await request('/auth/password/reset');
    expect(none.location?.href).to.equal(`${app.issuer}/auth/password/forgot`);
    const json = await request('/auth/password/forgot', {
      body: 'email=a',
      headers: { 'content-type': 'text/plain', 'sec-fetch-site': 'same-origin' },
    });
    expect(json.status).to.equal(415);
  });

  it('SEC-94 the log names no code', async () => {
    const lines: string[] = [];
    const write = (fields: object, message: string) =>
      void lines.push(JSON.stringify(fields) + message);
    const log = { debug: write, info: write, warn: write, error: write };
    const logged = await startTestApp({ log });
    try {
      const { email } = await createUser(logged);
      const browser = logged.browser();
      await browser.request('/auth/password/forgot', { json: { email } });
      const code = await codeMailedTo(logged, email);
      const page = await browser.open(`/auth/password/reset?token=${code}`);
      expect((await browser.submit(page, { new_password: NEW_PASSWORD })).status).to.equal(200);
      expect(lines.join('\n')).to.contain('/l/…').and.not.contain(code);
      expect((await logged.app.use(Users).findByEmail(email))?.emailVerified).to.equal(true);
    } finally {
      await logged.close();
    }
  });
});
