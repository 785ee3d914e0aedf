/** Resource servers verify our access tokens without us: with jose and with jsonwebtoken, through JWKS alone. */
import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { expect } from 'chai';
import { createRemoteJWKSet, type JWTPayload, jwtVerify } from 'jose';
import jsonwebtoken from 'jsonwebtoken';
import { type User, Users } from '../../src/plugins/users/contract.ts';
import { createUser, signedInBrowser } from '../support/people.ts';
import { codeOf, createRelyingParty, type RelyingParty } from '../support/relying-party.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';
import { resign } from './forged-token.ts';
import { createTokenPlaces, type Verdicts } from './token-places.ts';

const ROLES = ['auditor', 'editor'];

for (const store of storeKinds) {
  describe(`access tokens at resource servers, state store on ${store}`, () => {
    let app: TestApp;
    let jwksUri: string;
    let user: User;
    let rp: RelyingParty;
    let tokens: Readonly<Record<'REST login' | '/oidc/token', string>>;

    before(async () => {
      app = await startTestApp({ store });
      const discovery = await app.browser().request('/.well-known/openid-configuration');
      jwksUri = String(discovery.json()['jwks_uri']);
      user = await createUser(app, ROLES);
      const browser = await signedInBrowser(app, user);
      rp = await createRelyingParty(app);
      const { body } = await rp.redeem(codeOf(await rp.authorize(browser)));
      tokens = {
        'REST login': (await browser.cookie('authsrv-access')) ?? '',
        '/oidc/token': body.access_token ?? '',
      };
    });
    after(() => app.close());

    const withJose = async (token: string): Promise<JWTPayload> => {
      const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(jwksUri)), {
        issuer: app.issuer,
        audience: `${app.issuer}/api`,
        typ: 'at+jwt',
        algorithms: ['ES256'],
      });
      return payload;
    };

    /** As its readme says: the key by `kid`, everything else checked by name. */
    const withJsonwebtoken = async (token: string): Promise<JWTPayload> => {
      const { keys } = (await (await fetch(jwksUri)).json()) as {
        keys: (JsonWebKey & { kid: string })[];
      };
      const header = jsonwebtoken.decode(token, { complete: true })?.header;
      const key = keys.find(({ kid }) => kid === header?.kid);
      if (!key) throw new Error('no such key');
      return jsonwebtoken.verify(token, createPublicKey({ key, format: 'jwk' }), {
        algorithms: ['ES256'],
        issuer: app.issuer,
        audience: `${app.issuer}/api`,
      }) as JWTPayload;
    };

    for (const [library, verify] of Object.entries({
      jose: withJose,
      jsonwebtoken: withJsonwebtoken,
    })) {
      for (const source of ['REST login', '/oidc/token'] as const) {
        it(`SEC-37 ${library} verifies the token of ${source}, which carries roles`, async () => {
          const claims = await verify(tokens[source]);
          expect(claims).to.include({ iss: app.issuer, sub: user.id });
          expect(claims['roles']).to.deep.equal(ROLES);
          expect(claims.exp).to.equal((claims.iat ?? 0) + 600);
          expect(claims).to.include.all.keys(
            ...['aud', 'client_id', 'gid', 'iat', 'jti', 'roles_ver', 'scope', 'sid'],
          );
        });
      }

      it(`SEC-35 ${library} refuses it with another claim, and one of another issuer or audience`, async () => {
        const token = tokens['REST login'];
        const [header = '', , signature = ''] = token.split('.');
        const changed = Buffer.from(JSON.stringify({ roles: ['superuser'] })).toString('base64url');
        const forgeries = [
          `${header}.${changed}.${signature}`,
          await resign(app, token, { claims: { iss: 'https://evil.example.net' } }),
          await resign(app, token, { claims: { aud: 'https://other.example.com' } }),
          await resign(app, token, { claims: { exp: 1 } }),
        ];
        for (const forged of forgeries) {
          const outcome = await verify(forged).catch((error: unknown) => error);
          expect(outcome).to.be.instanceOf(Error);
        }
      });
    }

    it('SEC-37 both ways give tokens of one shape', async () => {
      const [rest, oidc] = await Promise.all(Object.values(tokens).map(withJose));
      expect(Object.keys(rest ?? {}).sort()).to.deep.equal(Object.keys(oidc ?? {}).sort());
      expect(rest?.['sid']).to.equal(oidc?.['sid']);
    });

    it('SEC-39 no claim of an access token is an e-mail address or a name', async () => {
      for (const token of Object.values(tokens)) {
        const text = JSON.stringify(await withJose(token));
        expect(text).not.to.include('@');
        expect(text).not.to.include('Test Person');
      }
    });

    describe('at userinfo, introspection and revocation', () => {
      let verdicts: (token: string) => Promise<Verdicts>;

      before(async () => {
        verdicts = await createTokenPlaces(app);
      });

      /** Tokens of one authorization, and what userinfo and introspection say of them. */
      async function authorized(of: RelyingParty = rp) {
        const person = await createUser(app, ROLES);
        const browser = await signedInBrowser(app, person);
        const { body } = await of.redeem(codeOf(await of.authorize(browser)));
        const { access_token: access = '', refresh_token: refresh = '' } = body;
        return { person, browser, access, refresh };
      }

      const expectAlive = async (token: string): Promise<void> => {
        expect(await verdicts(token)).to.include({ userinfo: 200, introspection: 'active' });
      };
      const expectDead = async (token: string): Promise<void> => {
        expect(await verdicts(token)).to.deep.equal({
          bearer: 401,
          cookie: 401,
          userinfo: 401,
          introspection: 'inactive',
        });
      };

      it('SEC-40 they take both tokens', async () => {
        for (const token of Object.values(tokens)) await expectAlive(token);
        const headers = { authorization: `Bearer ${tokens['/oidc/token']}` };
        const userinfo = (await app.browser().request('/oidc/userinfo', { headers })).json();
        expect(userinfo).to.include({ sub: user.id, email: user.email, name: 'Test Person' });
      });

      it('SEC-40 introspection tells what the token says', async () => {
        const { access, person } = await authorized();
        const claims = await withJose(access);
        const answer = (await rp.post('/oidc/introspect', { token: access })).json();
        expect(answer).to.deep.include({
          active: true,
          sub: person.id,
          client_id: rp.client.client_id,
          roles: ROLES,
          iss: app.issuer,
          exp: claims.exp,
          scope: claims['scope'],
          aud: claims.aud,
          token_type: 'Bearer',
        });
      });

      it('SEC-40 revoking an access token ends it here, and the grant that it came from', async () => {
        const { access, refresh, browser } = await authorized();
        const sibling = (await rp.refresh(refresh)).body;
        expect((await rp.post('/oidc/revoke', { token: access })).status).to.equal(200);
        await expectDead(access);
        expect((await rp.refresh(sibling.refresh_token ?? '')).body.error).to.equal(
          'invalid_grant',
        );
        const { userinfo, introspection } = await verdicts(sibling.access_token ?? '');
        expect({ userinfo, introspection }).to.deep.equal({
          userinfo: 401,
          introspection: 'inactive',
        });
        // The person stays signed in.
        expect((await browser.request('/auth/me')).status).to.equal(200);
      });

      it('SEC-40 revoking a refresh token ends its access tokens at userinfo and introspection', async () => {
        const { access, refresh } = await authorized();
        expect((await rp.post('/oidc/revoke', { token: refresh })).status).to.equal(200);
        const { userinfo, introspection } = await verdicts(access);
        expect({ userinfo, introspection }).to.deep.equal({
          userinfo: 401,
          introspection: 'inactive',
        });
      });

      it('SEC-40 the end of the session ends them', async () => {
        const { access, browser } = await authorized();
        await expectAlive(access);
        await browser.request('/auth/logout', { method: 'POST' });
        await expectDead(access);
      });

      it('SEC-40 disabling the user ends them', async () => {
        const { access, person } = await authorized();
        await app.app.use(Users).disable(person.id);
        await expectDead(access);
      });

      it("SEC-64 a client that is not meant sees and ends nothing of another's", async () => {
        const { access, refresh } = await authorized();
        const stranger = await createRelyingParty(app);
        for (const token of [access, refresh, tokens['REST login']]) {
          for (const hint of [
            {},
            { token_type_hint: 'access_token' },
            { token_type_hint: 'refresh_token' },
          ]) {
            const seen = await stranger.post('/oidc/introspect', { token, ...hint });
            expect(seen.json()).to.deep.equal({ active: false });
            expect((await stranger.post('/oidc/revoke', { token, ...hint })).status).to.equal(200);
          }
        }
        await expectAlive(access);
        await expectAlive(tokens['REST login']);
        expect((await rp.refresh(refresh)).status).to.equal(200);
      });

      it('SEC-64 without client authentication there is neither introspection nor revocation', async () => {
        const { access } = await authorized();
        for (const endpoint of ['introspect', 'revoke']) {
          for (const form of [
            { token: access },
            { token: access, client_id: rp.client.client_id },
          ]) {
            const { status } = await app.browser().request(`/oidc/${endpoint}`, { form });
            expect(status, endpoint).to.be.oneOf([400, 401]);
          }
        }
        await expectAlive(access);
      });

      it('SEC-49 the pseudo-client of the REST API gets nothing at the token endpoint', async () => {
        const browser = await signedInBrowser(app, await createUser(app));
        const refresh_token = (await browser.cookie('authsrv-refresh')) ?? '';
        for (const form of [
          { grant_type: 'refresh_token', refresh_token, client_id: 'auth-service' },
          { grant_type: 'client_credentials', client_id: 'auth-service' },
          { grant_type: 'authorization_code', code: 'x', client_id: 'auth-service' },
        ]) {
          const answer = await app.browser().request('/oidc/token', { form });
          expect(answer.status).to.equal(400);
          expect(answer.json()['error']).to.be.oneOf(['unauthorized_client', 'invalid_request']);
        }
        expect((await rp.refresh(refresh_token)).body.error).to.equal('invalid_grant');
        expect((await browser.request('/auth/refresh', { method: 'POST' })).status).to.equal(200);
      });

      it('SEC-64 the REST token of somebody is neither seen nor ended by naming the pseudo-client', async () => {
        const token = tokens['REST login'];
        const form = { token, client_id: 'auth-service' };
        const seen = await app.browser().request('/oidc/introspect', { form });
        expect(seen.text).not.to.include('"active":true');
        await app.browser().request('/oidc/revoke', { form });
        await expectAlive(token);
      });
    });
  });
}
