/** An independent relying-party library, openid-client, against the whole server. */
import { expect } from 'chai';
import { exportJWK, generateKeyPair } from 'jose';
import * as client from 'openid-client';
import { Clients, type NewClient } from '../../src/plugins/clients/contract.ts';
import type { User } from '../../src/plugins/users/contract.ts';
import type { Browser } from '../support/browser.ts';
import { createUser, PASSWORD, signedInBrowser, signIn } from '../support/people.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';

const REDIRECT_URI = 'https://rp.example.com/callback';
const AFTER = 'https://rp.example.com/signed-out';

for (const store of storeKinds) {
  describe(`openid-client, state store on ${store}`, () => {
    let app: TestApp;
    let user: User;
    let browser: Browser;

    before(async () => {
      app = await startTestApp({ store });
      user = await createUser(app, ['editor']);
    });
    beforeEach(async () => {
      browser = await signedInBrowser(app, user);
    });
    after(() => app.close());

    const register = (metadata: Partial<NewClient> = {}) =>
      app.app.use(Clients).create({
        client_name: 'openid-client',
        redirect_uris: [REDIRECT_URI],
        post_logout_redirect_uris: [AFTER],
        first_party: true,
        ...metadata,
      });

    const options = { execute: [client.allowInsecureRequests] };

    const configure = async (metadata: Partial<NewClient> = {}): Promise<client.Configuration> => {
      const { client: registered, client_secret: secret } = await register(metadata);
      const authentication = secret ? client.ClientSecretBasic(secret) : client.None();
      const issuer = new URL(app.issuer);
      return client.discovery(
        issuer,
        registered.client_id,
        { id_token_signed_response_alg: registered.id_token_signed_response_alg },
        authentication,
        options,
      );
    };

    /** What openid-client asks for and then checks. */
    const prepare = async () => {
      const pkceCodeVerifier = client.randomPKCECodeVerifier();
      const checks = {
        pkceCodeVerifier,
        expectedState: client.randomState(),
        expectedNonce: client.randomNonce(),
        idTokenExpected: true,
      };
      const params = {
        redirect_uri: REDIRECT_URI,
        scope: 'openid profile email',
        code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
        code_challenge_method: 'S256',
        state: checks.expectedState,
        nonce: checks.expectedNonce,
      };
      return { checks, params };
    };

    const callbackOf = async (url: URL, by = browser): Promise<URL> => {
      const { location, text } = await by.open(url.href);
      if (!location) throw new Error(text.slice(0, 1000));
      return location;
    };

    it('goes from discovery to the end of the session', async () => {
      const config = await configure();
      expect(config.serverMetadata().issuer).to.equal(app.issuer);
      expect(config.serverMetadata().supportsPKCE()).to.equal(true);
      const { checks, params } = await prepare();

      const visitor = app.browser();
      const page = await visitor.open(client.buildAuthorizationUrl(config, params).href);
      const { location } = await signIn(visitor, page, user, PASSWORD);
      const tokens = await client.authorizationCodeGrant(config, location as URL, checks);
      const claims = tokens.claims();
      expect(claims).to.include({ iss: app.issuer, sub: user.id });
      expect(tokens.expiresIn()).to.be.within(590, 600);

      const next = await client.refreshTokenGrant(config, tokens.refresh_token ?? '');
      expect(next.claims()?.sub).to.equal(user.id);
      const info = await client.fetchUserInfo(config, next.access_token, user.id);
      expect(info).to.include({ sub: user.id, email: user.email, name: user.name });

      const seen = await client.tokenIntrospection(config, next.access_token);
      expect(seen).to.include({ active: true, sub: user.id });
      await client.tokenRevocation(config, next.refresh_token ?? '');
      const refused = await client.refreshTokenGrant(config, next.refresh_token ?? '').then(
        () => 'none',
        (error: client.ResponseBodyError) => error.error,
      );
      expect(refused).to.equal('invalid_grant');
      expect((await client.tokenIntrospection(config, next.access_token)).active).to.equal(false);

      const end = client.buildEndSessionUrl(config, {
        id_token_hint: next.id_token ?? '',
        post_logout_redirect_uri: AFTER,
        state: 'bye',
      });
      const back = await visitor.submit(await visitor.open(end.href), { logout: 'yes' });
      expect(back.location?.href).to.equal(`${AFTER}?state=bye`);
      expect((await visitor.request('/auth/me')).status).to.equal(401);
    });

    for (const alg of ['RS256', 'ES256']) {
      it(`verifies an ID token signed with ${alg}`, async () => {
        const config = await configure({ id_token_signed_response_alg: alg });
        const { checks, params } = await prepare();
        const callback = await callbackOf(client.buildAuthorizationUrl(config, params));
        const tokens = await client.authorizationCodeGrant(config, callback, checks);
        expect(JSON.parse(atob(tokens.id_token?.split('.')[0] ?? '')).alg).to.equal(alg);
      });
    }

    it('discovers by RFC 8414 metadata as well', async () => {
      const { client: registered, client_secret: secret } = await register();
      const config = await client.discovery(
        new URL(app.issuer),
        registered.client_id,
        {},
        client.ClientSecretBasic(secret),
        { ...options, algorithm: 'oauth2' },
      );
      expect(config.serverMetadata().token_endpoint).to.equal(`${app.issuer}/oidc/token`);
    });

    it('works as a public client with DPoP', async () => {
      const config = await configure({ token_endpoint_auth_method: 'none' });
      const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'));
      const { checks, params } = await prepare();
      const callback = await callbackOf(client.buildAuthorizationUrl(config, params));
      const tokens = await client.authorizationCodeGrant(config, callback, checks, undefined, {
        DPoP,
      });
      expect(tokens.token_type).to.equal('dpop');
      const info = await client.fetchUserInfo(config, tokens.access_token, user.id, { DPoP });
      expect(info.sub).to.equal(user.id);
      const refreshed = await client.refreshTokenGrant(
        config,
        tokens.refresh_token ?? '',
        undefined,
        { DPoP },
      );
      expect(refreshed.token_type).to.equal('dpop');
    });

    it('pushes its requests', async () => {
      const config = await configure();
      const { checks, params } = await prepare();
      const url = await client.buildAuthorizationUrlWithPAR(config, params);
      expect([...url.searchParams.keys()].sort()).to.deep.equal(['client_id', 'request_uri']);
      const callback = await callbackOf(url);
      const tokens = await client.authorizationCodeGrant(config, callback, checks);
      expect(tokens.claims()?.sub).to.equal(user.id);
    });

    it('authenticates with a key, and gets tokens for itself', async () => {
      const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
      const { client: registered } = await register({
        redirect_uris: [],
        post_logout_redirect_uris: [],
        grant_types: ['client_credentials'],
        token_endpoint_auth_method: 'private_key_jwt',
        allowed_scopes: ['reports'],
        jwks: { keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256' }] },
      });
      const config = await client.discovery(
        new URL(app.issuer),
        registered.client_id,
        {},
        client.PrivateKeyJwt({ key: privateKey, kid: 'k' }),
        options,
      );
      const tokens = await client.clientCredentialsGrant(config, { scope: 'reports' });
      expect(tokens.scope).to.equal('reports');
    });

    it('tells an error of ours from a forged answer', async () => {
      const config = await configure();
      const { checks, params } = await prepare();
      const url = client.buildAuthorizationUrl(config, { ...params, prompt: 'none' });
      const callback = await callbackOf(url, app.browser());
      const error = await client
        .authorizationCodeGrant(config, callback, checks)
        .catch((caught: unknown) => caught);
      expect(error).to.be.instanceOf(client.AuthorizationResponseError);
      expect((error as client.AuthorizationResponseError).error).to.equal('login_required');

      const forged = new URL(callback.href);
      forged.searchParams.set('iss', 'https://evil.example');
      const mixUp = await client
        .authorizationCodeGrant(config, forged, checks)
        .catch((caught: unknown) => caught);
      expect(mixUp).not.to.be.instanceOf(client.AuthorizationResponseError);
    });
  });
}
