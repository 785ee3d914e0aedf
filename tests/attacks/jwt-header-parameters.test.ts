import { createPublicKey, generateKeyPairSync, type JsonWebKey, type KeyObject } from 'node:crypto';
import { expect } from 'chai';
import { createUser, login, signedInBrowser } from '../support/people.ts';
import { codeOf, createRelyingParty, type RelyingParty } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { decodeToken, resign, signParts } from './forged-token.ts';
import { type KeyHost, startKeyHost } from './key-host.ts';
import { cookieValue } from './set-cookie.ts';
import { createTokenPlaces, REFUSED, type Verdicts } from './token-places.ts';

const KID = 'attacker-key';

describe('JWT header parameters', () => {
  let app: TestApp;
  let host: KeyHost;
  let stranger: KeyObject;
  let jwk: JsonWebKey;
  let token: string;
  let idToken: string;
  let rp: RelyingParty;
  let verdicts: (token: string) => Promise<Verdicts>;

  before(async () => {
    app = await startTestApp();
    stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    jwk = { ...createPublicKey(stranger).export({ format: 'jwk' }), kid: KID, alg: 'ES256' };
    host = await startKeyHost([jwk]);
    verdicts = await createTokenPlaces(app);
    const user = await createUser(app);
    token = cookieValue(await login(app.browser(), user), 'authsrv-access');
    rp = await createRelyingParty(app, { id_token_signed_response_alg: 'ES256' });
    const browser = await signedInBrowser(app, user);
    idToken = (await rp.redeem(codeOf(await rp.authorize(browser)))).body.id_token ?? '';
  });
  after(async () => {
    await host.close();
    await app.close();
  });

  /** Ways to tell a verifier where the attacker's key is. */
  const pointers = (): Record<string, Record<string, unknown>> => ({
    jku: { jku: `${host.url}/jwks.json` },
    'jku with our kid': { jku: `${host.url}/jwks.json`, kid: decodeToken(token).header['kid'] },
    x5u: { x5u: `${host.url}/chain.pem` },
    jwk: { jwk },
    'jwk, no kid': { jwk, kid: undefined },
    x5c: {
      x5c: [createPublicKey(stranger).export({ type: 'spki', format: 'der' }).toString('base64')],
    },
    'kid as URL': { kid: `${host.url}/key` },
    'x5t and x5t#S256': { x5t: 'AAAA', 'x5t#S256': 'AAAA' },
    'all at once': { jku: `${host.url}/a`, x5u: `${host.url}/b`, jwk, kid: `${host.url}/c` },
  });

  /** Asserts that nobody connected to the attacker's host. */
  const expectNoFetch = (): void => {
    expect(host.hits).to.deep.equal([]);
  };

  it('SEC-36 refuses keys that the token brings or points to, and fetches nothing', async () => {
    const { header, claims } = decodeToken(token);
    for (const [name, pointer] of Object.entries(pointers())) {
      const forged = signParts({ ...header, kid: KID, ...pointer }, claims, stranger);
      expect(await verdicts(forged), name).to.deep.equal(REFUSED);
    }
    expectNoFetch();
  });

  it('SEC-36 fetches nothing for a token of ours that carries such parameters either', async () => {
    for (const [name, pointer] of Object.entries(pointers())) {
      const { bearer, userinfo } = await verdicts(await resign(app, token, { header: pointer }));
      expect(bearer, name).to.be.oneOf([200, 401]);
      expect(userinfo, name).to.be.oneOf([200, 401]);
    }
    expectNoFetch();
  });

  it('SEC-36 refuses a kid that is a path, SQL, a URL or no text', async () => {
    const { header, claims } = decodeToken(token);
    const kids = [
      '../../../../../../dev/null',
      '/etc/passwd',
      'file:///dev/null',
      "' OR '1'='1",
      "x' UNION SELECT private_jwk FROM signing_keys --",
      '$(touch /tmp/owned)',
      '`id`',
      '%00',
      '\u0000',
      '',
      '__proto__',
      'constructor',
      'k'.repeat(4000),
      0,
      null,
      true,
      ['a'],
      { $ne: null },
    ];
    for (const kid of kids) {
      const forged = signParts({ ...header, kid }, claims, stranger);
      expect(await verdicts(forged), JSON.stringify(kid).slice(0, 60)).to.deep.equal(REFUSED);
    }
    expectNoFetch();
  });

  it('SEC-36 refuses critical extensions that it does not know, signed with the right key (RFC 7515 §4.1.11)', async () => {
    for (const extension of [
      { crit: ['urn:example:unknown'], 'urn:example:unknown': 1 },
      { crit: ['jku'], jku: `${host.url}/jwks.json` },
      { crit: ['exp'], exp: 0 },
      { crit: [] },
      { crit: 'exp' },
      { crit: [''] },
      { crit: ['b64'], b64: false },
      { crit: ['missing'] },
      { crit: ['alg'] },
    ]) {
      const forged = await resign(app, token, { header: extension });
      expect(await verdicts(forged), JSON.stringify(extension)).to.deep.equal(REFUSED);
    }
    expectNoFetch();
  });

  it('SEC-36 fetches nothing for an id_token_hint, at authorization and at logout', async () => {
    const { header, claims } = decodeToken(idToken);
    const browser = app.browser();
    for (const [name, pointer] of Object.entries(pointers())) {
      const hint = signParts({ ...header, kid: KID, ...pointer }, claims, stranger);
      const authorized = await rp.authorize(browser, { id_token_hint: hint, prompt: 'none' });
      expect(authorized.location?.searchParams.get('error'), name).to.equal('invalid_request');
      const query = new URLSearchParams({ id_token_hint: hint });
      expect((await browser.request(`/oidc/logout?${query}`)).status, name).to.equal(400);
    }
    expectNoFetch();
  });

  it('SEC-36 fetches nothing for a client assertion', async () => {
    const own = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const registered = { ...own.publicKey.export({ format: 'jwk' }), kid: 'own', alg: 'ES256' };
    const { client, post } = await createRelyingParty(app, {
      redirect_uris: [],
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [registered] },
    });
    const now = Math.floor(Date.now() / 1000);
    const claimsOf = (jti: string): object => ({
      iss: client.client_id,
      sub: client.client_id,
      aud: app.issuer,
      iat: now,
      exp: now + 60,
      jti,
    });
    const present = (assertion: string) =>
      post('/oidc/token', {
        grant_type: 'client_credentials',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: assertion,
      });
    for (const [name, pointer] of Object.entries(pointers())) {
      const header = { alg: 'ES256', kid: KID, ...pointer };
      const answer = await present(signParts(header, claimsOf(`forged ${name}`), stranger));
      expect(answer.status, name).to.equal(401);
      expect(answer.json()['error'], name).to.equal('invalid_client');
    }
    const genuine = signParts({ alg: 'ES256', kid: 'own' }, claimsOf('genuine'), own.privateKey);
    expect((await present(genuine)).status, 'the right key is accepted').to.equal(200);
    expectNoFetch();
  });

  it('SEC-36 the listening host does count whoever connects', async () => {
    const witness = await startKeyHost([jwk]);
    await (await fetch(`${witness.url}/jwks.json`)).arrayBuffer();
    expect(witness.hits).to.deep.equal(['connection', 'GET /jwks.json']);
    await witness.close();
  });
});
