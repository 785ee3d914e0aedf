import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { expect } from 'chai';
import { createUser, login } from '../support/people.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { decodeToken, encodePart, resign, serverKey, signParts } from './forged-token.ts';
import { cookieValue } from './set-cookie.ts';
import { ACCEPTED, createTokenPlaces, REFUSED, type Verdicts } from './token-places.ts';

describe('JWT algorithms', () => {
  let app: TestApp;
  let token: string;
  let verdicts: (token: string) => Promise<Verdicts>;
  let publicKey: KeyObject;

  before(async () => {
    app = await startTestApp();
    verdicts = await createTokenPlaces(app);
    token = cookieValue(await login(app.browser(), await createUser(app)), 'authsrv-access');
    const { d: _d, ...jwk } = await serverKey(app);
    publicKey = createPublicKey({ key: jwk as never, format: 'jwk' });
  });
  after(() => app.close());

  it('SEC-35 accepts the untouched token and the same one signed again, so that the refusals below mean something', async () => {
    expect(await verdicts(token)).to.deep.equal(ACCEPTED);
    expect(await verdicts(await resign(app, token))).to.deep.equal(ACCEPTED);
  });

  for (const alg of ['none', 'None', 'NONE', 'nOnE', '', 'null']) {
    it(`SEC-35 refuses alg ${JSON.stringify(alg)}, with no signature and with the real one`, async () => {
      const { header, claims } = decodeToken(token);
      const unsigned = `${encodePart({ ...header, alg })}.${encodePart(claims)}.`;
      const [, , signature] = token.split('.');
      expect(await verdicts(unsigned)).to.deep.equal(REFUSED);
      expect(await verdicts(`${unsigned}${signature}`)).to.deep.equal(REFUSED);
    });
  }

  for (const [name, alg, digest] of [
    ['HS256', 'HS256', 'sha256'],
    ['HS384', 'HS384', 'sha384'],
    ['HS512', 'HS512', 'sha512'],
  ] as const) {
    it(`SEC-35 refuses ${name} with any form of the public key as the secret`, async () => {
      const { header, claims } = decodeToken(token);
      const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
      const jwk = publicKey.export({ format: 'jwk' });
      const published = await app.browser().request('/.well-known/jwks.json');
      const secrets = {
        pem,
        'pem without its last line break': pem.trimEnd(),
        der: publicKey.export({ type: 'spki', format: 'der' }),
        jwk: JSON.stringify(jwk),
        'jwk as published': JSON.stringify(published.json<{ keys: object[] }>().keys[0]),
        'jwks document': published.text,
        x: jwk.x ?? '',
        kid: String(header['kid']),
        empty: '',
      };
      for (const [form, secret] of Object.entries(secrets)) {
        const data = `${encodePart({ ...header, alg })}.${encodePart(claims)}`;
        const mac = createHmac(digest, secret).update(data).digest('base64url');
        expect(await verdicts(`${data}.${mac}`), form).to.deep.equal(REFUSED);
      }
    });
  }

  it('SEC-35 refuses empty, absent, zero and foreign signatures', async () => {
    const [header = '', claims = '', signature = ''] = token.split('.');
    const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const decoded = decodeToken(token);
    const forgeries = {
      empty: `${header}.${claims}.`,
      'of zeros (CVE-2022-21449)': `${header}.${claims}.${Buffer.alloc(64).toString('base64url')}`,
      short: `${header}.${claims}.${signature.slice(0, -2)}`,
      'key of a stranger, our kid': signParts(decoded.header, decoded.claims, stranger),
      'signature of other claims': `${header}.${encodePart({ ...decoded.claims, roles: ['superuser'] })}.${signature}`,
    };
    for (const [name, forged] of Object.entries(forgeries)) {
      expect(await verdicts(forged), name).to.deep.equal(REFUSED);
    }
  });

  it('SEC-35 refuses every spelling of ES256 but its own, signed with the right key', async () => {
    for (const alg of ['es256', 'Es256', 'ES256 ', ' ES256', 'ES-256', 'ES256\u0000', 'EC256']) {
      const forged = await resign(app, token, { header: { alg } });
      expect(await verdicts(forged), JSON.stringify(alg)).to.deep.equal(REFUSED);
    }
  });

  it('SEC-35 refuses an alg that is no text, signed with the right key', async () => {
    for (const alg of [['ES256'], { ES256: true }, 256, null, true, undefined]) {
      const forged = await resign(app, token, { header: { alg } });
      expect(await verdicts(forged), JSON.stringify(alg)).to.deep.equal(REFUSED);
    }
  });

  it('SEC-35 refuses an access token signed with the RS256 key, although it is in the JWKS', async () => {
    const key = await serverKey(app, 'RS256');
    const { claims } = decodeToken(token);
    for (const header of [
      { alg: 'RS256', typ: 'at+jwt', kid: key.kid },
      { alg: 'ES256', typ: 'at+jwt', kid: key.kid },
      { alg: 'RS256', typ: 'at+jwt' },
    ]) {
      const forged = signParts(header, claims, key);
      expect(await verdicts(forged), JSON.stringify(header)).to.deep.equal(REFUSED);
    }
  });

  it('SEC-35 a forged access cookie does not fall back to anything that is valid', async () => {
    const answer = await app.browser().request('/auth/me', {
      headers: { authorization: 'Bearer x.y.z', cookie: `authsrv-access=${token}` },
      anonymous: true,
    });
    expect(answer.status).to.equal(401);
  });
});
