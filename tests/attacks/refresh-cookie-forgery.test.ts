import { createHmac } from 'node:crypto';
import { expect } from 'chai';
import { createSecrets } from '../../src/secrets.ts';
import type { Answer } from '../support/browser.ts';
import { createUser, signedInBrowser } from '../support/people.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { type DecodedToken, decodeToken, encodePart } from './forged-token.ts';
import { cookieValue } from './set-cookie.ts';

const SECRET = 'forgery-key-0123456789-0123456789-0123456789';

type Json = Readonly<Record<string, unknown>>;

describe('forged refresh cookies', () => {
  let app: TestApp;
  /** What the server signs refresh cookies with. */
  const [key] = createSecrets([SECRET]).keys('refresh-token');

  before(async () => {
    app = await startTestApp({ settings: { SECRET_KEY: SECRET } });
  });
  after(() => app.close());

  const signed = (
    { header, claims }: DecodedToken,
    changes: { header?: Json; claims?: Json; secret?: Buffer | string; digest?: string } = {},
  ): string => {
    const parts = [
      { ...header, ...changes.header },
      { ...claims, ...changes.claims },
    ];
    const data = parts.map(encodePart).join('.');
    const hmac = createHmac(changes.digest ?? 'sha256', changes.secret ?? key);
    return `${data}.${hmac.update(data).digest('base64url')}`;
  };

  /** The refresh cookie of somebody who is signed in, as it is now. */
  let cookie: DecodedToken;
  /** The session cookie beside it. */
  let session: string;

  beforeEach(async () => {
    const browser = await signedInBrowser(app, await createUser(app));
    cookie = decodeToken((await browser.cookie('authsrv-refresh')) ?? '');
    session = await browser.jar.getCookieString(app.issuer);
  });

  const refresh = (token: string): Promise<Answer> =>
    app.browser().request('/auth/refresh', {
      method: 'POST',
      headers: { cookie: `authsrv-refresh=${token}; ${session}` },
      anonymous: true,
    });

  /** Refuses the changed cookie, and shows that the change was what it refused: unchanged, it is accepted. */
  async function expectRefused(forged: string): Promise<void> {
    expect((await refresh(forged)).status, forged.slice(0, 60)).to.equal(401);
    const accepted = await refresh(signed(cookie));
    expect(accepted.status, 'unchanged').to.equal(200);
    cookie = decodeToken(cookieValue(accepted, 'authsrv-refresh'));
  }

  it('SEC-35 no alg but HS256, and no signature but with our key', async () => {
    const unsigned = [{ ...cookie.header, alg: 'none' }, cookie.claims].map(encodePart);
    await expectRefused(`${unsigned.join('.')}.`);
    await expectRefused(signed(cookie).replace(/\.[^.]*$/, '.'));
    for (const alg of ['none', 'HS384', 'HS512', 'hs256', 'ES256', 'RS256']) {
      await expectRefused(signed(cookie, { header: { alg } }));
    }
    await expectRefused(signed(cookie, { header: { alg: 'HS512' }, digest: 'sha512' }));
    for (const secret of ['', SECRET, 'secret', Buffer.alloc(32)]) {
      await expectRefused(signed(cookie, { secret }));
    }
  });

  it('SEC-35 the keys of other purposes do not sign refresh cookies', async () => {
    const secrets = createSecrets([SECRET]);
    for (const purpose of ['cookies', 'csrf', 'signing-keys', 'dpop-nonce', 'refresh', '']) {
      await expectRefused(signed(cookie, { secret: secrets.keys(purpose)[0] }));
    }
  });

  it('SEC-44 no grant but the one it was issued for, even with the right key', async () => {
    const other = await signedInBrowser(app, await createUser(app));
    const { gid } = decodeToken((await other.cookie('authsrv-refresh')) ?? '').claims;
    await expectRefused(signed(cookie, { claims: { gid } }));
    expect((await other.request('/auth/refresh', { method: 'POST' })).status).to.equal(200);
  });

  it('SEC-37 no typ but rt+jwt, with the right key', async () => {
    for (const typ of ['at+jwt', 'JWT', 'logout+jwt', '', undefined, null]) {
      await expectRefused(signed(cookie, { header: { typ } }));
    }
  });

  it('SEC-38 issuer and lifetime count, with the right key', async () => {
    const now = Math.floor(Date.now() / 1000);
    for (const claims of [
      { iss: 'https://evil.example.net' },
      { iss: undefined },
      { exp: now - 1 },
      { exp: undefined },
      { exp: String(now + 600) },
      { nbf: now + 600 },
    ]) {
      await expectRefused(signed(cookie, { claims }));
    }
  });

  it('SEC-44 the claims alone are worth nothing without the stored id, with the right key', async () => {
    for (const claims of [
      { jti: 'x'.repeat(43) },
      { jti: '' },
      { jti: undefined },
      { gid: undefined },
      { sid: undefined },
      { sub: undefined },
      { rot: undefined },
      { rot: -1 },
      { rot: '0' },
      { rot: 0.5 },
    ]) {
      await expectRefused(signed(cookie, { claims }));
    }
  });
});
