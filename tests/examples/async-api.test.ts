import { expect } from 'chai';
import { createRemoteJWKSet, exportSPKI, type JWTPayload, SignJWT } from 'jose';
import request from 'supertest';
import { createApp } from '../../examples/async-api/app.ts';
import { createDenylist, type Denylist } from '../../examples/async-api/denylist.ts';
import { createAccessTokenVerifier } from '../../examples/async-api/verify-access-token.ts';
import { createSigningKey, type KeyServer, type SigningKey, startKeyServer } from './key-server.ts';

const AUDIENCE = 'https://api.example';
const NOW = 1_800_000_000;
const METADATA = 'resource_metadata="https://api.example/.well-known/oauth-protected-resource"';

type Claims = Readonly<Record<string, unknown>>;

describe('examples/async-api', () => {
  let server: KeyServer;
  let stranger: SigningKey;
  let api: ReturnType<ReturnType<typeof createApp>['callback']>;
  let clock = NOW;
  let denylist: Denylist;
  let isCurrent = true;

  const createListener = (jwksUri: URL) => {
    const verify = createAccessTokenVerifier({
      issuer: server.issuer,
      audience: AUDIENCE,
      keys: createRemoteJWKSet(jwksUri),
      now: () => new Date(clock * 1000),
    });
    const settings = {
      issuer: server.issuer,
      audience: AUDIENCE,
      scope: 'reports',
      adminRole: 'reports',
    };
    const revocations = { denies: denylist.denies, isCurrent: () => isCurrent };
    return createApp({ ...settings, baseUrl: AUDIENCE }, { verify, revocations }).callback();
  };

  before(async () => {
    server = await startKeyServer();
    stranger = await createSigningKey('ES256', 'es');
  });

  beforeEach(() => {
    clock = NOW;
    isCurrent = true;
    denylist = createDenylist(() => clock * 1000);
    api = createListener(server.jwksUri);
  });

  after(() => server.close());

  const claims = (changes: Claims = {}): JWTPayload => ({
    iss: server.issuer,
    sub: 'user-1',
    aud: AUDIENCE,
    exp: NOW + 600,
    iat: NOW,
    jti: 'jti-1',
    client_id: 'client-1',
    scope: 'openid reports',
    roles: [],
    ...(changes as JWTPayload),
  });

  const sign = (payload: JWTPayload, key = server.es256, header = {}): Promise<string> =>
    new SignJWT(payload)
      .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'at+jwt', ...header })
      .sign(key.privateKey);

  const get = (path: string, token?: string) => {
    const asked = request(api).get(path);
    return token === undefined ? asked : asked.set('Authorization', `Bearer ${token}`);
  };

  const expectInvalid = async (token: string): Promise<void> => {
    const answer = await get('/me', token);
    expect(answer.status).to.equal(401);
    expect(answer.headers['www-authenticate'])
      .to.match(/^Bearer error="invalid_token", /)
      .and.include(METADATA);
    expect(answer.body).to.include({ error: 'invalid_token' });
  };

  describe('takes', () => {
    it('a good token', async () => {
      const answer = await get('/me', await sign(claims({ roles: ['editor'] })));
      expect(answer.status).to.equal(200);
      expect(answer.body).to.deep.equal({
        sub: 'user-1',
        client_id: 'client-1',
        scope: 'openid reports',
        roles: ['editor'],
        exp: NOW + 600,
      });
      expect(answer.headers['cache-control']).to.equal('no-store');
    });

    it('a token for several audiences', async () => {
      const token = await sign(claims({ aud: [AUDIENCE, server.issuer] }));
      expect((await get('/me', token)).status).to.equal(200);
    });

    it('the long form of the type (RFC 7515 §4.1.9)', async () => {
      const token = await sign(claims(), server.es256, { typ: 'application/at+jwt' });
      expect((await get('/me', token)).status).to.equal(200);
    });

    it('a token until it expires, give or take five seconds', async () => {
      const token = await sign(claims());
      clock = NOW + 604;
      expect((await get('/me', token)).status).to.equal(200);
      clock = NOW + 606;
      await expectInvalid(token);
    });

    it('many tokens with one fetch of the keys', async () => {
      const before = server.fetches();
      for (const jti of ['a', 'b', 'c']) {
        expect((await get('/me', await sign(claims({ jti })))).status).to.equal(200);
      }
      expect(server.fetches() - before).to.equal(1);
    });
  });

  describe('refuses', () => {
    const CLAIMS: Readonly<Record<string, Claims>> = {
      'another audience': { aud: 'https://other.example' },
      'no audience': { aud: undefined },
      'another issuer': { iss: 'https://evil.example' },
      'an expired token': { exp: NOW - 60 },
      'a token that never expires': { exp: undefined },
      'a token from the future': { nbf: NOW + 60 },
      'a token without sub': { sub: undefined },
      'a token without client_id': { client_id: undefined },
      'a token without jti': { jti: undefined },
      'a token bound to a DPoP key': { cnf: { jkt: 'thumbprint' } },
      'a token bound to a certificate': { cnf: { 'x5t#S256': 'thumbprint' } },
    };
    for (const [name, changes] of Object.entries(CLAIMS)) {
      it(name, async () => expectInvalid(await sign(claims(changes))));
    }

    for (const typ of ['JWT', 'logout+jwt', 'rt+jwt', undefined]) {
      it(`the type ${typ}`, async () => expectInvalid(await sign(claims(), server.es256, { typ })));
    }

    it('an ID token', async () => {
      const idToken = {
        aud: [AUDIENCE, 'client-1'],
        azp: 'client-1',
        nonce: 'n',
        scope: undefined,
      };
      await expectInvalid(await sign(claims(idToken), server.es256, { typ: 'JWT' }));
    });

    it('a key that is not of the issuer, under a kid that is', async () =>
      expectInvalid(await sign(claims(), stranger)));

    it('an unknown kid', async () =>
      expectInvalid(await sign(claims(), { ...stranger, kid: 'unknown' })));

    it('another algorithm of the issuer', async () =>
      expectInvalid(await sign(claims(), server.rs256)));

    it('HS256 with the public key as the secret', async () => {
      const secret = new TextEncoder().encode(await exportSPKI(server.es256.publicKey));
      const header = { alg: 'HS256', kid: 'es', typ: 'at+jwt' };
      await expectInvalid(await new SignJWT(claims()).setProtectedHeader(header).sign(secret));
    });

    it('no algorithm', async () => {
      const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
      await expectInvalid(`${encode({ alg: 'none', typ: 'at+jwt' })}.${encode(claims())}.`);
    });

    it('a changed payload', async () => {
      const [header, , signature] = (await sign(claims())).split('.');
      const payload = Buffer.from(JSON.stringify(claims({ roles: ['reports'] })));
      await expectInvalid(`${header}.${payload.toString('base64url')}.${signature}`);
    });

    for (const token of ['x', 'a.b.c', '....', `${'a'.repeat(2000)}.b.c`]) {
      it(`rubbish: ${token.slice(0, 10)}`, () => expectInvalid(token));
    }
  });

  it('asks for a token without an error code when there is none (RFC 6750 §3.1)', async () => {
    for (const authorization of ['', 'Basic dTpw', 'Bearer', 'DPoP x.y.z']) {
      const answer = await request(api).get('/me').set('Authorization', authorization);
      expect(answer.status, authorization).to.equal(401);
      expect(answer.headers['www-authenticate'], authorization).to.equal(`Bearer ${METADATA}`);
    }
  });

  it('takes no token from the query', async () => {
    const answer = await get(`/me?access_token=${await sign(claims())}`);
    expect(answer.status).to.equal(401);
  });

  it('opens /public to everybody', async () => {
    expect((await get('/public')).status).to.equal(200);
  });

  describe('GET /admin', () => {
    it('is for the role', async () => {
      const answer = await get('/admin', await sign(claims({ roles: ['x', 'reports'] })));
      expect(answer.status).to.equal(200);
    });

    const OTHERS = { none: [], another: ['report'], text: 'reports', nothing: undefined };
    for (const [name, roles] of Object.entries(OTHERS)) {
      it(`answers insufficient_scope to roles: ${name}`, async () => {
        const answer = await get('/admin', await sign(claims({ roles })));
        expect(answer.status).to.equal(403);
        expect(answer.headers['www-authenticate']).to.match(/^Bearer error="insufficient_scope", /);
      });
    }
  });

  it('lets no client in that acts for itself', async () => {
    for (const path of ['/me', '/admin']) {
      const token = await sign(claims({ sub: 'client-1', roles: ['reports'] }));
      expect((await get(path, token)).status).to.equal(403);
    }
  });

  describe('refuses what has ended before it expires', () => {
    const TOKEN = { sid: 'session-1', gid: 'grant-1', roles_ver: 3, roles: ['reports'] };
    const statuses = async (token: string): Promise<number[]> => [
      (await get('/me', token)).status,
      (await get('/admin', token)).status,
    ];

    const ended = {
      'its session': { sid: 'session-1' },
      'its grant': { gid: 'grant-1' },
      'the token itself': { jti: 'jti-1' },
      'the roles in it': { sub: 'user-1', roles_ver: 4 },
    };
    for (const [name, revocation] of Object.entries(ended)) {
      it(`SEC-40, SEC-41: ${name}`, async () => {
        const token = await sign(claims(TOKEN));
        expect(await statuses(token)).to.deep.equal([200, 200]);
        denylist.add(revocation);
        expect(await statuses(token)).to.deep.equal([401, 401]);
        await expectInvalid(token);
      });
    }

    it('and nothing else: not another session, not newer roles', async () => {
      denylist.add({ sid: 'session-2', gid: 'session-1', jti: 'grant-1' });
      denylist.add({ sub: 'user-1', roles_ver: 3 });
      denylist.add({ sub: 'user-2', roles_ver: 9 });
      expect(await statuses(await sign(claims(TOKEN)))).to.deep.equal([200, 200]);
      const bare = await sign(claims({ sub: 'user-3' }));
      expect(await statuses(bare), 'names no session').to.deep.equal([200, 403]);
    });

    it('a token that does not say how old its roles are, once they have changed', async () => {
      const token = await sign(claims({ roles: ['reports'] }));
      denylist.add({ sub: 'user-1', roles_ver: 1 });
      expect(await statuses(token)).to.deep.equal([401, 401]);
    });

    it('C16 until no token can be that old, which the event says: that may be ten years', async () => {
      const years = 10 * 365 * 86_400;
      const token = await sign(claims({ ...TOKEN, exp: clock + years }));
      denylist.add({ sid: 'session-1', exp: clock + 600 });
      denylist.add({ sid: 'session-1', exp: clock + years });
      denylist.add({ sub: 'user-1', roles_ver: 4, exp: clock + 600 });
      clock += years - 1;
      denylist.add({ sid: 'session-2', exp: clock + 600 });
      expect(await statuses(token), 'by its session').to.deep.equal([401, 401]);
      clock += 62;
      denylist.add({ sid: 'session-2', exp: clock + 600 });
      const next = await sign(claims({ ...TOKEN, exp: clock + 600 }));
      expect(await statuses(next)).to.deep.equal([200, 200]);
    });

    it('C16 for good, when the event does not say how long', async () => {
      denylist.add({ sid: 'session-1' });
      clock += 10 * 365 * 86_400;
      denylist.add({ sid: 'session-2' });
      const token = await sign(claims({ ...TOKEN, exp: clock + 600 }));
      expect(await statuses(token)).to.deep.equal([401, 401]);
    });
  });

  it('lets nobody in by a role while nobody knows whose roles were taken away (503)', async () => {
    isCurrent = false;
    const token = await sign(claims({ roles: ['reports'] }));
    const answer = await get('/admin', token);
    expect(answer.status).to.equal(503);
    expect(answer.headers['content-type']).to.match(/^application\/problem\+json/);
    expect(Number(answer.headers['retry-after'])).to.be.greaterThan(0);
    expect(answer.body).to.include({ status: 503 });
    expect((await get('/me', token)).status, 'others go on').to.equal(200);
    expect((await get('/public')).status).to.equal(200);
    expect((await get('/admin')).status, 'nobody is nobody').to.equal(401);
    expect((await get('/admin', await sign(claims()))).status, 'no role is no role').to.equal(403);
    isCurrent = true;
    expect((await get('/admin', token)).status).to.equal(200);
  });

  it('says whose tokens it takes (RFC 9728)', async () => {
    const answer = await get('/.well-known/oauth-protected-resource');
    expect(answer.body).to.include({ resource: AUDIENCE });
    expect(answer.body.authorization_servers).to.deep.equal([server.issuer]);
  });

  describe('while the keys cannot be fetched', () => {
    const expectUnavailable = async (): Promise<void> => {
      const answer = await get('/me', await sign(claims()));
      expect(answer.status).to.equal(503);
      expect(answer.headers).to.have.property('retry-after');
      expect(answer.headers).not.to.have.property('www-authenticate');
    };

    it('answers 503 when the server fails, and works again with it', async () => {
      server.status = 500;
      try {
        await expectUnavailable();
      } finally {
        server.status = 200;
      }
      expect((await get('/me', await sign(claims()))).status).to.equal(200);
    });

    it('answers 503 when nobody listens', async () => {
      const gone = await startKeyServer();
      await gone.close();
      api = createListener(gone.jwksUri);
      await expectUnavailable();
    });
  });
});
