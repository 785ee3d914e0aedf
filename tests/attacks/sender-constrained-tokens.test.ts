import { hash, randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { createUser, signedInBrowser } from '../support/people.ts';
import { codeOf, createRelyingParty } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { decodeToken, resign } from './forged-token.ts';

describe('sender-constrained tokens', () => {
  let app: TestApp;

  before(async () => {
    app = await startTestApp();
  });
  after(() => app.close());

  /** Makes DPoP proofs (RFC 9449 §4.2) with one key. */
  async function createProver() {
    const { privateKey, publicKey } = await generateKeyPair('ES256');
    const jwk = await exportJWK(publicKey);
    const prove = (path: string, method: string, claims: object = {}): Promise<string> =>
      new SignJWT({ htu: `${app.issuer}${path}`, htm: method, jti: randomUUID(), ...claims })
        .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
        .setIssuedAt()
        .sign(privateKey);
    return { prove, thumbprint: await calculateJwkThumbprint(jwk) };
  }

  const statusOf = async (path: string, headers: Record<string, string>): Promise<number> =>
    (await app.browser().request(path, { headers, anonymous: true })).status;

  it('SEC-49 a DPoP token is no Bearer token; with a proof of its key it opens userinfo', async () => {
    const { prove, thumbprint } = await createProver();
    const rp = await createRelyingParty(app, { allowed_scopes: ['account'] });
    const browser = await signedInBrowser(app, await createUser(app));
    const fields = {
      grant_type: 'authorization_code',
      code: codeOf(await rp.authorize(browser, { scope: 'openid account' })),
      redirect_uri: rp.redirectUri,
      code_verifier: rp.verifier,
    };
    const dpop = await prove('/oidc/token', 'POST');
    const { body } = await rp.token(fields, { headers: { dpop } });
    expect(body.token_type).to.equal('DPoP');
    const token = body.access_token ?? '';
    expect(decodeToken(token).claims['cnf']).to.deep.equal({ jkt: thumbprint });

    for (const path of ['/auth/me', '/oidc/userinfo']) {
      expect(await statusOf(path, { authorization: `Bearer ${token}` }), path).to.equal(401);
      expect(await statusOf(path, { cookie: `authsrv-access=${token}` }), path).to.be.oneOf([
        400, 401,
      ]);
      expect(await statusOf(path, { authorization: `DPoP ${token}` }), path).to.be.oneOf([
        400, 401,
      ]);
    }
    const ath = hash('sha256', token, 'base64url');
    const authorization = `DPoP ${token}`;
    const own = await prove('/oidc/userinfo', 'GET', { ath });
    expect(await statusOf('/oidc/userinfo', { authorization, dpop: own })).to.equal(200);
    expect(await statusOf('/oidc/userinfo', { authorization, dpop: own }), 'twice').to.equal(401);
    const stranger = await (await createProver()).prove('/oidc/userinfo', 'GET', { ath });
    expect(await statusOf('/oidc/userinfo', { authorization, dpop: stranger })).to.equal(401);
  });

  it('SEC-49 a token with any cnf is no Bearer token', async () => {
    const browser = await signedInBrowser(app, await createUser(app));
    const token = (await browser.cookie('authsrv-access')) ?? '';
    const bearer = (value: string) => ({ authorization: `Bearer ${value}` });
    expect(await statusOf('/oidc/userinfo', bearer(await resign(app, token)))).to.equal(200);
    for (const cnf of [{ jkt: 'x' }, { 'x5t#S256': 'x' }, { jwk: {} }, { unknown: 1 }, {}]) {
      const bound = bearer(await resign(app, token, { claims: { cnf } }));
      expect(await statusOf('/auth/me', bound), JSON.stringify(cnf)).to.equal(401);
      expect(await statusOf('/oidc/userinfo', bound), JSON.stringify(cnf)).to.equal(401);
    }
  });

  it('SEC-49 D18c a token that is bound to a key signs nobody out as a Bearer token', async () => {
    const browser = await signedInBrowser(app, await createUser(app));
    const token = (await browser.cookie('authsrv-access')) ?? '';
    const signOut = async (headers: Record<string, string>) =>
      (await app.browser().request('/auth/logout', { method: 'POST', headers, anonymous: true }))
        .status;
    const signedIn = async () => (await browser.request('/auth/me')).status;
    for (const cnf of [{ jkt: 'x' }, { 'x5t#S256': 'x' }, {}]) {
      const bound = await resign(app, token, { claims: { cnf } });
      expect(await signOut({ authorization: `Bearer ${bound}` })).to.equal(204);
      expect(await signOut({ authorization: `DPoP ${bound}` })).to.equal(204);
      expect(await signedIn(), JSON.stringify(cnf)).to.equal(200);
    }
    expect(await signOut({ authorization: `Bearer ${await resign(app, token)}` })).to.equal(204);
    expect(await signedIn(), 'signed out by a token that is bound to nothing').to.equal(401);
  });

  it('SEC-49 a refresh token of a public client that used DPoP needs the same key', async () => {
    const { prove } = await createProver();
    const rp = await createRelyingParty(app, { token_endpoint_auth_method: 'none' });
    const browser = await signedInBrowser(app, await createUser(app));
    const fields = {
      grant_type: 'authorization_code',
      code: codeOf(await rp.authorize(browser)),
      redirect_uri: rp.redirectUri,
      code_verifier: rp.verifier,
    };
    const dpop = await prove('/oidc/token', 'POST');
    const { refresh_token = '' } = (await rp.token(fields, { headers: { dpop } })).body;
    const refresh = async (headers: Record<string, string>) =>
      (await rp.token({ grant_type: 'refresh_token', refresh_token }, { headers })).status;
    const stranger = await createProver();
    expect(await refresh({})).to.equal(400);
    expect(await refresh({ dpop: await stranger.prove('/oidc/token', 'POST') })).to.equal(400);
    expect(await refresh({ dpop: await prove('/oidc/token', 'POST') })).to.equal(200);
  });
});
