import { expect } from 'chai';
import { createUser, signedInBrowser } from '../support/people.ts';
import { codeOf, createRelyingParty } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { serverKey } from './forged-token.ts';

type Jwk = Readonly<Record<string, unknown>>;

/** RFC 7518 §6: what a private or symmetric key has and a public one has not. */
const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'];
const PUBLIC = ['kty', 'crv', 'x', 'y', 'n', 'e', 'kid', 'alg', 'use'];

describe('JWKS', () => {
  let app: TestApp;

  before(async () => {
    app = await startTestApp();
  });
  after(() => app.close());

  const jwks = async (): Promise<{ keys: Jwk[] }> =>
    (await app.browser().request('/.well-known/jwks.json')).json();

  it('SEC-43 has public members only', async () => {
    const { keys } = await jwks();
    expect(keys.map(({ alg }) => alg)).to.have.members(['ES256', 'RS256']);
    for (const key of keys) {
      expect(Object.keys(key)).not.to.include.members(PRIVATE);
      for (const member of Object.keys(key)) expect(member).to.be.oneOf(PUBLIC);
      expect(key['use']).to.equal('sig');
    }
  });

  it('SEC-43 every key has a kid of its own', async () => {
    const kids = (await jwks()).keys.map(({ kid }) => kid);
    expect(kids.every((kid) => typeof kid === 'string' && kid.length >= 20)).to.equal(true);
    expect(new Set(kids).size).to.equal(kids.length);
  });

  it('SEC-43 may be cached, so that resource servers need not ask for every token', async () => {
    for (const path of ['/.well-known/jwks.json', '/.well-known/openid-configuration']) {
      const answer = await app.browser().request(path);
      expect(answer.headers.get('cache-control'), path).to.match(/^public, max-age=[1-9]\d*$/);
    }
  });

  it('CVE-2026-90942 (Casdoor) no answer of the server holds a private key or a secret', async () => {
    const browser = await signedInBrowser(app, await createUser(app, ['superuser']));
    const rp = await createRelyingParty(app);
    const { body } = await rp.redeem(codeOf(await rp.authorize(browser)));
    const token = body.access_token ?? '';
    const answers = await Promise.all([
      ...['/.well-known/jwks.json', '/.well-known/openid-configuration'].map((path) =>
        browser.request(path),
      ),
      ...['/auth/me', '/health/ready', '/health/live', '/oidc/authorize'].map((path) =>
        browser.request(path),
      ),
      browser.request('/oidc/userinfo', { headers: { authorization: `Bearer ${token}` } }),
      rp.post('/oidc/introspect', { token }),
    ]);
    const secrets = [
      String((await serverKey(app, 'ES256')).d),
      String((await serverKey(app, 'RS256')).d),
      String(rp.secret),
      'test-only-key-0123456789',
    ];
    for (const { text, url, headers } of answers) {
      const all = `${text}${JSON.stringify([...headers])}`;
      for (const secret of secrets) expect(all, url).not.to.include(secret);
      expect(text, url).not.to.match(/"(d|p|q|dp|dq|qi|k|client_secret|password_hash)":/);
      expect(text, url).not.to.match(/\$argon2|BEGIN [A-Z ]*PRIVATE/);
    }
  });
});
