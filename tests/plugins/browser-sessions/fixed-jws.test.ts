import { createSecretKey } from 'node:crypto';
import { expect } from 'chai';
import { jwtVerify, SignJWT } from 'jose';
import { createFixedJws } from '../../../src/plugins/browser-sessions/fixed-jws.ts';

const KEY = createSecretKey(Buffer.alloc(32, 1));
const OTHER = createSecretKey(Buffer.alloc(32, 2));
const CLAIMS = { iss: 'https://auth.example.com', sub: 'somebody', text: 'Zürich “&?' };

describe('JWS with a fixed header', () => {
  const jws = createFixedJws('rt+jwt');
  const token = jws.sign(CLAIMS, KEY);

  it('opens what it signed', () => {
    expect(jws.open(token, KEY)).to.deep.equal(CLAIMS);
  });

  it('is what jose signs and verifies (RFC 7515)', async () => {
    const header = { alg: 'HS256', typ: 'rt+jwt' };
    expect(await new SignJWT(CLAIMS).setProtectedHeader(header).sign(KEY)).to.equal(token);
    const { payload, protectedHeader } = await jwtVerify(token, KEY);
    expect({ payload, protectedHeader }).to.deep.equal({
      payload: CLAIMS,
      protectedHeader: header,
    });
  });

  it('SEC-35 opens nothing that another key signed', () => {
    expect(jws.open(token, OTHER)).to.equal(undefined);
  });

  it('SEC-35 opens no other text, were it the same bytes', () => {
    const [header, payload, signature = ''] = token.split('.');
    const last = signature.at(-1) ?? '';
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    // 43 digits hold 258 bits of which the last two count for nothing.
    const twin = signature.slice(0, -1) + (alphabet[alphabet.indexOf(last) ^ 1] ?? '');
    expect(Buffer.from(twin, 'base64url')).to.deep.equal(Buffer.from(signature, 'base64url'));
    for (const text of [
      `${header}.${payload}.${twin}`,
      `${header}.${payload}.${signature}=`,
      `${header}.${payload}.${signature}.`,
      `${header}.${payload}.`,
      `${header}.${payload}`,
      `${header}.${payload}A.${signature}`,
      `.${payload}.${signature}`,
      ` ${token}`,
      '..',
      '',
    ]) {
      expect(jws.open(text, KEY), text).to.equal(undefined);
    }
  });

  it('SEC-37 opens nothing of another type that the same key signed', () => {
    expect(createFixedJws('at+jwt').open(token, KEY)).to.equal(undefined);
  });
});
