/** Clients that authenticate with a key of their own (RFC 7523, OIDC Core §9). */
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import {
  exportJWK,
  exportSPKI,
  generateKeyPair,
  type JWTPayload,
  SignJWT,
  UnsecuredJWT,
} from 'jose';
import { ageRecords } from '../support/ageing.ts';
import { createUser, signedInBrowser } from '../support/people.ts';
import { codeOf, createRelyingParty, type RelyingParty } from '../support/relying-party.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';

const TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

for (const store of storeKinds) {
  describe(`private_key_jwt, state store on ${store}`, () => {
    let app: TestApp;
    let rp: RelyingParty;
    let keys: Awaited<ReturnType<typeof generateKeyPair>>;

    before(async () => {
      app = await startTestApp({ store });
      keys = await generateKeyPair('ES256', { extractable: true });
      rp = await createRelyingParty(app, {
        token_endpoint_auth_method: 'private_key_jwt',
        grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
        jwks: { keys: [{ ...(await exportJWK(keys.publicKey)), kid: 'one', use: 'sig' }] },
      });
    });
    after(() => app.close());

    const claims = (changes: Record<string, unknown> = {}): JWTPayload => {
      const now = Math.floor(Date.now() / 1000);
      const { client_id } = rp.client;
      return {
        iss: client_id,
        sub: client_id,
        aud: app.issuer,
        jti: randomUUID(),
        iat: now,
        exp: now + 60,
        ...changes,
      };
    };

    const sign = (
      changes: Record<string, unknown> = {},
      key = keys.privateKey,
      header: Record<string, unknown> = {},
    ): Promise<string> =>
      new SignJWT(claims(changes))
        .setProtectedHeader({ alg: 'ES256', kid: 'one', ...header })
        .sign(key);

    const request = (client_assertion: string, fields: Record<string, string> = {}) =>
      app.browser().request('/oidc/token', {
        form: {
          grant_type: 'client_credentials',
          client_assertion_type: TYPE,
          client_assertion,
          ...fields,
        },
      });

    it('authenticates at the token endpoint, for every grant', async () => {
      expect((await request(await sign())).status).to.equal(200);
      const browser = await signedInBrowser(app, await createUser(app));
      const redeemed = await request(await sign(), {
        grant_type: 'authorization_code',
        code: codeOf(await rp.authorize(browser)),
        redirect_uri: rp.redirectUri,
        code_verifier: rp.verifier,
      });
      expect(redeemed.status).to.equal(200);
      const refreshed = await request(await sign(), {
        grant_type: 'refresh_token',
        refresh_token: String(redeemed.json()['refresh_token']),
      });
      expect(refreshed.status).to.equal(200);
    });

    it('takes the token endpoint as audience too, and client_id beside the assertion', async () => {
      const aud = `${app.issuer}/oidc/token`;
      const { client_id } = rp.client;
      expect((await request(await sign({ aud }), { client_id })).status).to.equal(200);
    });

    it('takes each assertion once, also of 10 in parallel', async () => {
      const assertion = await sign();
      const answers = await Promise.all(Array.from({ length: 10 }, () => request(assertion)));
      expect(answers.filter(({ status }) => status === 200)).to.have.length(1);
      const replay = await request(assertion);
      expect(replay.status).to.equal(401);
      expect(replay.json()['error']).to.equal('invalid_client');
    });

    it('refuses every assertion that is not exactly this client’s for us, now', async () => {
      const now = Math.floor(Date.now() / 1000);
      const stranger = await generateKeyPair('ES256');
      const spki = new TextEncoder().encode(await exportSPKI(keys.publicKey));
      const hs256 = new SignJWT(claims()).setProtectedHeader({ alg: 'HS256' }).sign(spki);
      const wrong: Record<string, string> = {
        'another key': await sign({}, stranger.privateKey),
        'no signature': new UnsecuredJWT(claims()).encode(),
        'the public key as a shared secret': await hs256,
        'another audience': await sign({ aud: 'https://other.example.com' }),
        'another issuer': await sign({ iss: 'other' }),
        'no audience': await sign({ aud: undefined }),
        'no jti': await sign({ jti: undefined }),
        'no exp': await sign({ exp: undefined }),
        expired: await sign({ exp: now - 60 }),
        'not yet valid': await sign({ nbf: now + 600 }),
        'a client that does not exist': await sign({ iss: 'x', sub: 'x' }),
      };
      for (const [name, assertion] of Object.entries(wrong)) {
        const answer = await request(assertion);
        expect(answer.status, name).to.equal(401);
        expect(answer.json()['error'], name).to.equal('invalid_client');
      }
    });

    it('D9 SEC-59 takes an assertion without a type, as JWT and as what RFC 7523bis calls it', async () => {
      for (const typ of [undefined, 'JWT', 'jwt', 'client-authentication+jwt']) {
        const answer = await request(await sign({}, keys.privateKey, typ ? { typ } : {}));
        expect(answer.status, String(typ)).to.equal(200);
      }
    });

    it('D9 SEC-59 takes no JWT of another type for an assertion', async () => {
      const types = [
        'logout+jwt',
        'at+jwt',
        'application/at+jwt',
        'dpop+jwt',
        'rt+jwt',
        'secevent+jwt',
        'oauth-authz-req+jwt',
        'JOSE',
        '',
        'null',
        7,
        null,
        ['JWT'],
      ];
      for (const typ of types) {
        const header = Buffer.from(JSON.stringify({ alg: 'ES256', kid: 'one', typ }));
        const [, payload = ''] = (await sign()).split('.');
        const signed = `${header.toString('base64url')}.${payload}`;
        const { privateKey } = keys;
        const algorithm = { name: 'ECDSA', hash: 'SHA-256' };
        const signature = await crypto.subtle.sign(algorithm, privateKey, Buffer.from(signed));
        const answer = await request(`${signed}.${Buffer.from(signature).toString('base64url')}`);
        expect(answer.status, String(typ)).to.equal(401);
        expect(answer.json()['error'], String(typ)).to.equal('invalid_client');
      }
    });

    it('D9 SEC-59 takes an assertion for at most ten minutes, and remembers it that long', async () => {
      const now = Math.floor(Date.now() / 1000);
      for (const exp of [now + 700, now + 3_601, now + 315_360_000, 1e300]) {
        const answer = await request(await sign({ exp }));
        expect(answer.status, String(exp)).to.equal(401);
        expect(answer.json()['error'], String(exp)).to.equal('invalid_client');
      }
      const assertion = await sign({ exp: now + 599 });
      expect((await request(assertion)).status).to.equal(200);
      if (store === 'postgres') await ageRecords(app, 'ReplayDetection', 600);
      expect((await request(assertion)).status, 'replayed').to.equal(401);
    });

    it('does not authenticate by any other method', async () => {
      const { client_id } = rp.client;
      const bare = { grant_type: 'client_credentials', client_id };
      for (const form of [bare, { ...bare, client_secret: 'x' }]) {
        const answer = await app.browser().request('/oidc/token', { form });
        expect(answer.status).to.equal(401);
      }
    });

    it('needs the type of the assertion', async () => {
      const type = { client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2' };
      expect((await request(await sign(), type)).status).to.equal(400);
    });
  });
}
