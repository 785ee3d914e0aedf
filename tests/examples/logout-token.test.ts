import { expect } from 'chai';
import { createLocalJWKSet, exportSPKI, type JWTPayload, SignJWT } from 'jose';
import {
  createLogoutTokenVerifier,
  type LogoutToken,
  LogoutTokenRejected,
} from '../../examples/relying-party/logout-token.ts';
import { createSigningKey, publicJwk, type SigningKey } from './key-server.ts';

const ISSUER = 'https://auth.example';
const NOW = 1_800_000_000;
const EVENT = 'http://schemas.openid.net/event/backchannel-logout';

type Claims = Readonly<Record<string, unknown>>;

describe('examples/relying-party logout token', () => {
  let [key, otherAlg, stranger]: SigningKey[] = [];
  let verify: (token: string) => Promise<LogoutToken>;
  let clock = NOW;

  before(async () => {
    [key, otherAlg, stranger] = await Promise.all([
      createSigningKey('ES256', 'es'),
      createSigningKey('RS256', 'rs'),
      createSigningKey('ES256', 'es'),
    ]);
  });

  beforeEach(async () => {
    clock = NOW;
    const keys = await Promise.all([key, otherAlg].map((one) => publicJwk(one as SigningKey)));
    verify = createLogoutTokenVerifier({
      issuer: ISSUER,
      clientId: 'client-1',
      alg: 'ES256',
      keys: createLocalJWKSet({ keys }),
      now: () => clock * 1000,
    });
  });

  const claims = (changes: Claims = {}): JWTPayload => ({
    iss: ISSUER,
    aud: 'client-1',
    iat: NOW,
    exp: NOW + 120,
    jti: 'jti-1',
    events: { [EVENT]: {} },
    sub: 'user-1',
    sid: 'session-1',
    ...(changes as JWTPayload),
  });

  const sign = (payload: JWTPayload, by = key as SigningKey, header = {}): Promise<string> =>
    new SignJWT(payload)
      .setProtectedHeader({ alg: by.alg, kid: by.kid, typ: 'logout+jwt', ...header })
      .sign(by.privateKey);

  const expectRejected = async (token: string): Promise<void> => {
    const failure = await verify(token).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(LogoutTokenRejected);
  };

  it('means a session and a subject', async () => {
    const token = await verify(await sign(claims()));
    expect(token).to.deep.equal({ sid: 'session-1', sub: 'user-1' });
  });

  it('may mean only a session, or only a subject', async () => {
    const sid = await verify(await sign(claims({ sub: undefined })));
    expect(sid).to.deep.equal({ sid: 'session-1' });
    const sub = await verify(await sign(claims({ sid: undefined, jti: 'jti-2' })));
    expect(sub).to.deep.equal({ sub: 'user-1' });
  });

  it('counts once', async () => {
    const token = await sign(claims());
    await verify(token);
    await expectRejected(token);
    await verify(await sign(claims({ jti: 'jti-2' })));
  });

  it('counts for some minutes only, whatever its exp says', async () => {
    const token = await sign(claims({ exp: NOW + 86_400 }));
    clock = NOW + 400;
    await expectRejected(token);
  });

  const CLAIMS: Readonly<Record<string, Claims>> = {
    'another issuer': { iss: 'https://evil.example' },
    'another audience': { aud: 'client-2' },
    'no audience': { aud: undefined },
    'no events': { events: undefined },
    'another event': { events: { 'http://schemas.openid.net/event/other': {} } },
    'an event that is no object': { events: { [EVENT]: true } },
    'events that are a list': { events: [EVENT] },
    'neither sid nor sub': { sid: undefined, sub: undefined },
    'a sid that is no text': { sid: 7 },
    'a nonce': { nonce: 'n' },
    'a nonce of null': { nonce: null },
    'no jti': { jti: undefined },
    'no iat': { iat: undefined },
    'no exp': { exp: undefined },
    'an exp of before': { exp: NOW - 60 },
    'an iat of later': { iat: NOW + 600, exp: NOW + 900 },
  };
  for (const [name, changes] of Object.entries(CLAIMS)) {
    it(`is refused with ${name}`, async () => expectRejected(await sign(claims(changes))));
  }

  for (const typ of ['JWT', 'at+jwt', undefined]) {
    it(`is refused with the type ${typ}`, async () =>
      expectRejected(await sign(claims(), key, { typ })));
  }

  it('is refused when an ID token is sent in its place', async () => {
    const idToken = claims({ events: undefined, nonce: 'n' });
    await expectRejected(await sign(idToken, key, { typ: 'JWT' }));
  });

  it('is refused with a key of somebody else', async () =>
    expectRejected(await sign(claims(), stranger)));

  it('is refused with an algorithm the client was not registered for', async () =>
    expectRejected(await sign(claims(), otherAlg)));

  it('is refused with HS256 and the public key as the secret', async () => {
    const secret = new TextEncoder().encode(await exportSPKI((key as SigningKey).publicKey));
    const header = { alg: 'HS256', kid: 'es', typ: 'logout+jwt' };
    await expectRejected(await new SignJWT(claims()).setProtectedHeader(header).sign(secret));
  });

  it('is refused without an algorithm', async () => {
    const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
    await expectRejected(`${encode({ alg: 'none', typ: 'logout+jwt' })}.${encode(claims())}.`);
  });

  it('is refused when it is rubbish', async () => {
    for (const token of ['', 'x', 'a.b.c']) await expectRejected(token);
  });
});
