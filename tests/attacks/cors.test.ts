import { expect } from 'chai';
import type { Answer } from '../support/browser.ts';
import { createUser, login } from '../support/people.ts';
import { createRelyingParty, type RelyingParty } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

const ORIGIN = 'https://auth.example.com';
/** Named in CORS_ORIGINS. */
const FRIEND = 'https://app.example.com';
const OTHERS = [
  'https://evil.example.net',
  'https://app.example.com.evil.net',
  'https://evil-app.example.com',
  'http://app.example.com',
  'https://app.example.com:444',
  'https://APP.example.com',
  'https://sub.app.example.com',
  'https://appXexample.com',
  'null',
  '*',
  ORIGIN,
];

const corsOf = ({ headers }: Answer): Record<string, string> =>
  Object.fromEntries([...headers].filter(([name]) => name.startsWith('access-control-')));

describe('SEC-34 CORS', () => {
  let app: TestApp;
  let rp: RelyingParty;

  before(async () => {
    app = await startTestApp({ origin: ORIGIN, settings: { CORS_ORIGINS: FRIEND } });
    rp = await createRelyingParty(app, { token_endpoint_auth_method: 'none' });
  });
  after(() => app.close());

  const call = (path: string, origin: string, method = 'GET', more: Record<string, string> = {}) =>
    app.browser().request(path, { method, headers: { origin, ...more }, anonymous: true });

  const preflight = (path: string, origin: string, method: string) =>
    call(path, origin, 'OPTIONS', {
      'access-control-request-method': method,
      'access-control-request-headers': 'content-type, x-anything',
    });

  describe('of the REST API', () => {
    it('lets the pages of an allowed origin read answers, refusals included', async () => {
      const browser = app.browser();
      await login(browser, await createUser(app));
      for (const [who, status] of [
        [browser, 200],
        [app.browser(), 401],
      ] as const) {
        const answer = await who.request('/auth/me', { headers: { origin: FRIEND } });
        expect(answer.status).to.equal(status);
        expect(corsOf(answer)).to.include({
          'access-control-allow-origin': FRIEND,
          'access-control-allow-credentials': 'true',
        });
        expect(answer.headers.get('access-control-expose-headers')).to.include('X-Request-Id');
        expect(answer.headers.get('vary')).to.match(/\bOrigin\b/);
      }
    });

    it('answers the preflight of an allowed origin with the methods that there are', async () => {
      const answer = await preflight('/auth/me', FRIEND, 'PATCH');
      expect(answer.status).to.equal(204);
      expect(answer.headers.get('access-control-allow-methods')?.split(', ')).to.include.members([
        'GET',
        'PATCH',
      ]);
      const headers = answer.headers.get('access-control-allow-headers') ?? '';
      expect(headers)
        .to.match(/Content-Type/)
        .and.not.match(/anything/);
      expect(corsOf(answer)).to.include({ 'access-control-allow-origin': FRIEND });
    });

    for (const origin of OTHERS) {
      it(`says nothing to ${origin}`, async () => {
        for (const answer of [
          await call('/auth/me', origin),
          await call('/auth/login', origin, 'POST', { 'content-type': 'application/json' }),
          await preflight('/auth/me', origin, 'PATCH'),
        ]) {
          expect(corsOf(answer)).to.deep.equal({});
          expect(answer.headers.get('vary')).to.match(/\bOrigin\b/);
        }
        expect((await preflight('/auth/me', origin, 'PATCH')).status).to.equal(405);
      });
    }

    it('is off without CORS_ORIGINS', async () => {
      const closed = await startTestApp({ origin: ORIGIN });
      for (const method of ['GET', 'OPTIONS']) {
        const answer = await closed.browser().request('/auth/me', {
          method,
          headers: { origin: FRIEND, 'access-control-request-method': 'GET' },
        });
        expect(corsOf(answer), method).to.deep.equal({});
      }
      await closed.close();
    });
  });

  it('is none on pages, on the authorization endpoint and where there is nothing', async () => {
    const page = await rp.authorize(app.browser());
    const form = await app.browser().request('/auth/email/confirm', {
      form: { token: 'x' },
      headers: { origin: FRIEND },
    });
    expect(corsOf(form)).to.not.have.property('access-control-allow-origin', '*');
    for (const path of [
      rp.authorizationUrl(),
      rp.authorizationUrl({ client_id: 'nobody' }),
      new URL(page.url).pathname,
      '/oidc/logout',
      '/auth/doc',
      '/assets/style.css',
      '/nothing',
      '/health/live',
    ]) {
      for (const answer of [await call(path, FRIEND), await preflight(path, FRIEND, 'GET')]) {
        expect(corsOf(answer), path).to.deep.equal({});
      }
    }
  });

  describe('of OpenID Connect', () => {
    const token = (origin: string | undefined) =>
      rp.post(
        '/oidc/token',
        { grant_type: 'authorization_code', code: 'x', redirect_uri: rp.redirectUri },
        { headers: origin === undefined ? {} : { origin } },
      );

    it('lets an allowed origin read the answers of the token endpoint, without cookies', async () => {
      const answer = await token(FRIEND);
      expect(answer.json()['error']).to.equal('invalid_grant');
      expect(corsOf(answer)['access-control-allow-origin']).to.equal(FRIEND);
      expect(corsOf(answer)).to.not.have.property('access-control-allow-credentials');
      expect(answer.headers.get('vary')).to.match(/\bOrigin\b/);
      const asked = await preflight('/oidc/token', FRIEND, 'POST');
      expect(asked.status).to.equal(204);
      expect(corsOf(asked)['access-control-allow-origin']).to.equal(FRIEND);
    });

    it('lets no other one, and never says *', async () => {
      for (const origin of [undefined, ...OTHERS]) {
        const answer = await token(origin);
        expect(corsOf(answer), origin).to.deep.equal({});
        if (origin === undefined) continue;
        for (const path of [
          '/oidc/token',
          '/oidc/userinfo',
          '/oidc/revoke',
          '/oidc/introspect',
          '/oidc/par',
        ]) {
          expect(corsOf(await preflight(path, origin, 'POST')), `${origin} ${path}`).to.deep.equal(
            {},
          );
          expect(corsOf(await call(path, origin, 'POST')), `${origin} ${path}`).to.deep.equal({});
        }
      }
    });

    it('refuses the code of a client to a page of an origin that is not allowed', async () => {
      const answer = await token('https://evil.example.net');
      expect([answer.status, answer.json()['error']]).to.deep.equal([400, 'invalid_request']);
    });

    it('lets everybody read metadata and keys', async () => {
      for (const path of [
        '/.well-known/openid-configuration',
        '/.well-known/oauth-authorization-server',
        '/.well-known/jwks.json',
      ]) {
        for (const origin of [FRIEND, 'https://evil.example.net']) {
          const answer = await call(path, origin);
          expect(corsOf(answer)['access-control-allow-origin'], path).to.equal('*');
          expect(corsOf(answer)).to.not.have.property('access-control-allow-credentials');
        }
      }
    });
  });
});
