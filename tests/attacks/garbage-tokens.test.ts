import { expect } from 'chai';
import { createUser, login, signedInBrowser } from '../support/people.ts';
import { codeOf, createRelyingParty, type RelyingParty } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { basePath } from './base-path.ts';
import { decodeToken, encodePart, resign, serverKey, signParts } from './forged-token.ts';
import { fastest, rawRequest } from './raw-request.ts';
import { cookieValue } from './set-cookie.ts';

/** Milliseconds that a token may cost, the fastest of some attempts counted (SEC-42). */
const BUDGET = 50;

describe('garbage in the place of a token', () => {
  let app: TestApp;
  let rp: RelyingParty;
  let base: string;
  let token: string;

  before(async () => {
    app = await startTestApp();
    base = basePath(app);
    rp = await createRelyingParty(app);
    token = cookieValue(await login(app.browser(), await createUser(app)), 'authsrv-access');
  });
  after(() => app.close());

  const deepJson = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;

  const garbage = async (): Promise<Record<string, string>> => {
    const [header = '', claims = '', signature = ''] = token.split('.');
    const key = await serverKey(app);
    const padded = await resign(app, token, { claims: { padding: 'x'.repeat(6000) } });
    return {
      'one dot': '.',
      'two dots': '..',
      'ten thousand dots': '.'.repeat(10_000),
      'many parts': 'a.'.repeat(4000),
      'no third part': `${header}.${claims}`,
      'five parts, like a JWE': `${header}.${claims}.${signature}.${claims}.${signature}`,
      'empty header': `.${claims}.${signature}`,
      'empty claims': `${header}..${signature}`,
      'header that is no JSON': `${encodePart('{"alg":')}.${claims}.${signature}`,
      'header that is no object': `${encodePart('[]')}.${claims}.${signature}`,
      'header null': `${encodePart('null')}.${claims}.${signature}`,
      'header invalid UTF-8': `${Buffer.from([0xff, 0xfe, 0x7b]).toString('base64url')}.${claims}.${signature}`,
      'claims that are no JSON, signed': signParts({ alg: 'ES256', typ: 'at+jwt' }, '{"sub":', key),
      'claims that are no object, signed': signParts(
        { alg: 'ES256', typ: 'at+jwt' },
        '"text"',
        key,
      ),
      'claims null, signed': signParts({ alg: 'ES256', typ: 'at+jwt' }, 'null', key),
      'claims as array, signed': signParts({ alg: 'ES256', typ: 'at+jwt' }, '[]', key),
      'deep header': `${encodePart(deepJson(1000))}.${claims}.${signature}`,
      'deep claims, signed': signParts({ alg: 'ES256', typ: 'at+jwt' }, deepJson(700), key),
      '__proto__, signed': signParts(
        { alg: 'ES256', typ: 'at+jwt' },
        '{"__proto__":{"sub":"x"}}',
        key,
      ),
      'bad base64url': `${header}.${claims}.${'='.repeat(86)}`,
      'base64 instead of base64url': `${header}.${claims}.${'+/'.repeat(43)}`,
      'a letter too much': `${token}A`,
      'percent-encoded': encodeURIComponent(`${token}=`),
      'more than 8 KB, signed and valid': padded,
      '12 KB of a': 'a'.repeat(12_000),
      PASETO: `v2.public.${claims}`,
      SQL: "x'--",
      path: '../../etc/passwd',
      braces: '{}',
      undefined: 'undefined',
      null: 'null',
      '[object Object]': '[object-Object]',
    };
  };

  it('SEC-42 GHSA-xmf8-cvqr-rfgj (next-auth) our API answers 401 to every Bearer and access cookie, fast', async () => {
    for (const [name, value] of Object.entries(await garbage())) {
      for (const header of [`Authorization: Bearer ${value}`, `Cookie: authsrv-access=${value}`]) {
        const head = [`GET ${base}/auth/me HTTP/1.1`, 'Host: x', header];
        const answer = await fastest(BUDGET, () => rawRequest(app, head));
        expect(answer.status, `${name}: ${header.slice(0, 13)}`).to.equal(401);
        expect(answer.headers.get('content-type')).to.equal('application/problem+json');
        expect(answer.milliseconds, name).to.be.lessThan(BUDGET);
      }
    }
  });

  it('SEC-42 a 12 KB token of ours that is otherwise right is refused: work is bounded before it is verified', async () => {
    const long = await resign(app, token, { claims: { padding: 'x'.repeat(9000) } });
    const headers = { authorization: `Bearer ${long}` };
    expect((await app.browser().request('/auth/me', { headers })).status).to.equal(401);
  });

  it('SEC-42 a header beyond what Node reads is 431, and the server goes on', async () => {
    const head = [`GET ${base}/auth/me HTTP/1.1`, 'Host: x'];
    const answer = await rawRequest(app, [...head, `Authorization: Bearer ${'a'.repeat(60_000)}`]);
    expect(answer.status).to.equal(431);
    const after = await rawRequest(app, [...head, `Authorization: Bearer ${token}`]);
    expect(after.status).to.equal(200);
  });

  it('SEC-42 malformed Authorization headers are 401', async () => {
    for (const value of [
      'Bearer',
      'Bearer ',
      'Bearer  ',
      'bearer',
      'Basic',
      'Basic eDp5',
      'Digest username="x"',
      'Negotiate TlRMTVNTUAAB',
      `DPoP ${token}`,
      token,
      `Bearer ${token} ${token}`,
      `Bearer ${token}, Bearer ${token}`,
      `Bearer\t${token}`,
      `Bearer:${token}`,
      `Bearer "${token}"`,
      'Bearer \u00ff\u00fe\u0080',
      'Bearer caf\u00e9.caf\u00e9.caf\u00e9',
      'Bearer a b',
    ]) {
      const head = [`GET ${base}/auth/me HTTP/1.1`, 'Host: x', `Authorization: ${value}`];
      expect((await rawRequest(app, head)).status, JSON.stringify(value.slice(0, 40))).to.equal(
        401,
      );
    }
  });

  it('SEC-42 userinfo refuses all of it with 400 or 401, and challenges', async () => {
    for (const [name, value] of Object.entries(await garbage())) {
      const head = [`GET ${base}/oidc/userinfo HTTP/1.1`, 'Host: x'];
      const answer = await rawRequest(app, [...head, `Authorization: Bearer ${value}`]);
      // RFC 6750 §3.1: 400 for what is no token at all.
      expect(answer.status, name).to.be.oneOf([400, 401]);
      expect(answer.headers.get('www-authenticate'), name).to.match(/^Bearer /);
    }
  });

  it('SEC-42 introspection finds all of it inactive, revocation has nothing to do', async () => {
    for (const [name, value] of Object.entries(await garbage())) {
      const introspected = await rp.post('/oidc/introspect', { token: value });
      if (introspected.status === 200) {
        expect(introspected.json(), name).to.deep.equal({ active: false });
      } else {
        expect(introspected.status, name).to.equal(400);
      }
      expect((await rp.post('/oidc/revoke', { token: value })).status, name).to.be.oneOf([
        200, 400,
      ]);
    }
  });

  it('SEC-42 the token endpoint answers 400 to all of it, as code and as refresh token', async () => {
    for (const [name, value] of Object.entries(await garbage())) {
      expect((await rp.refresh(value)).body.error, name).to.equal('invalid_grant');
      expect((await rp.redeem(value)).body.error, name).to.equal('invalid_grant');
    }
  });

  it('SEC-42 refresh and logout take all of it for nothing', async () => {
    for (const [name, value] of Object.entries(await garbage())) {
      const send = (path: string, cookie: string) =>
        rawRequest(app, [`POST ${base}${path} HTTP/1.1`, 'Host: x', `Cookie: ${cookie}`]);
      expect((await send('/auth/refresh', `authsrv-refresh=${value}`)).status, name).to.equal(401);
      const part = value.slice(0, 3000);
      const all = `authsrv-access=${part}; authsrv-session=${part}; authsrv-session.sig=${part}; authsrv-refresh=${part}`;
      expect((await send('/auth/logout', all)).status, name).to.equal(204);
    }
  });

  it('SEC-42 session, interaction and resume cookies that are garbage are no session', async () => {
    for (const [name, value] of Object.entries(await garbage())) {
      const cookie = ['authsrv-session', 'authsrv-interaction', 'authsrv-resume']
        .map((one) => `${one}=${value.slice(0, 3000)}; ${one}.sig=${value.slice(0, 100)}`)
        .join('; ');
      for (const path of [
        rp.authorizationUrl({ prompt: 'none' }),
        '/interaction/abc',
        '/oidc/logout',
      ]) {
        const head = [`GET ${base}${path} HTTP/1.1`, 'Host: x', `Cookie: ${cookie}`];
        expect((await rawRequest(app, head)).status, `${name}: ${path}`).to.be.lessThan(500);
      }
    }
  });

  it('SEC-42 the token of a living session still works after all that', async () => {
    const browser = await signedInBrowser(app, await createUser(app));
    codeOf(await rp.authorize(browser));
    expect(decodeToken(token).header['alg']).to.equal('ES256');
    const headers = { authorization: `Bearer ${token}` };
    expect((await app.browser().request('/auth/me', { headers })).status).to.equal(200);
  });
});
