/** What the server says of itself: metadata and the issuer in every answer (RFC 8414, RFC 9207). */
import { expect } from 'chai';
import { createUser, signedInBrowser } from '../support/people.ts';
import { codeOf, createRelyingParty, errorOf } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

const OPENID = '/.well-known/openid-configuration';
const OAUTH = '/.well-known/oauth-authorization-server';

interface Metadata {
  readonly issuer: string;
  readonly jwks_uri: string;
  readonly grant_types_supported: readonly string[];
  readonly response_types_supported: readonly string[];
  readonly response_modes_supported: readonly string[];
  readonly token_endpoint_auth_methods_supported: readonly string[];
  readonly token_endpoint_auth_signing_alg_values_supported: readonly string[];
  readonly id_token_signing_alg_values_supported: readonly string[];
  readonly scopes_supported: readonly string[];
  readonly prompt_values_supported: readonly string[];
  readonly [member: string]: unknown;
}

const PATHS = ['', '/sub', '/deep/er'];

for (const path of PATHS) {
  describe(`metadata of an issuer with the path "${path}"`, () => {
    let app: TestApp;
    let metadata: Metadata;

    before(async () => {
      app = await startTestApp({ path });
      metadata = (await app.browser().request(OPENID)).json<Metadata>();
    });
    after(() => app.close());

    it('SEC-56: names the issuer exactly, and endpoints below it only', () => {
      expect(metadata.issuer).to.equal(app.issuer);
      const urls = Object.entries(metadata).filter(([name]) => /_(endpoint|uri)$/.test(name));
      expect(urls).to.have.length.greaterThan(6);
      for (const [name, url] of urls) expect(url, name).to.match(new RegExp(`^${app.issuer}/`));
    });

    it('SEC-56: RFC 8414 metadata is the same document', async () => {
      const oauth = await app.browser().request(OAUTH);
      expect(oauth.status).to.equal(200);
      expect(oauth.json()).to.deep.equal(metadata);
    });

    it('SEC-56: RFC 8414 §3.1: the well-known path comes before the path of the issuer', async () => {
      const inserted = await app.browser().request(`${app.socket}${OAUTH}${path}`);
      expect(inserted.status).to.equal(200);
      expect(inserted.json()).to.deep.equal(metadata);
    });

    it('SEC-56: lists no implicit and no password grant', () => {
      expect(metadata.grant_types_supported).to.have.members([
        'authorization_code',
        'refresh_token',
        'client_credentials',
      ]);
      expect(metadata.response_types_supported).to.deep.equal(['code']);
      expect(metadata.response_modes_supported).to.have.members(['query', 'fragment', 'form_post']);
    });

    it('SEC-56: offers no method or algorithm with a shared key, and no `none`', () => {
      expect(metadata.token_endpoint_auth_methods_supported).to.have.members([
        'client_secret_basic',
        'client_secret_post',
        'private_key_jwt',
        'none',
      ]);
      const algorithms = Object.entries(metadata)
        .filter(([name]) => /_alg_values_supported$/.test(name))
        .flatMap(([, values]) => values as string[]);
      expect(algorithms).to.include('ES256');
      for (const alg of algorithms) expect(alg).not.to.match(/^(HS|none|RSA1)/i);
      expect(metadata.id_token_signing_alg_values_supported).to.have.members(['RS256', 'ES256']);
    });

    it('SEC-56: announces what RFC 9207, RP-initiated and back-channel logout ask for', () => {
      expect(metadata).to.include({
        authorization_response_iss_parameter_supported: true,
        backchannel_logout_supported: true,
        backchannel_logout_session_supported: true,
        claims_parameter_supported: false,
        end_session_endpoint: `${app.issuer}/oidc/logout`,
        pushed_authorization_request_endpoint: `${app.issuer}/oidc/par`,
      });
      expect(metadata.scopes_supported).to.include.members(['openid', 'profile', 'email']);
    });

    it('SEC-56: names no feature that is not built', () => {
      for (const name of [
        'registration_endpoint',
        'device_authorization_endpoint',
        'backchannel_authentication_endpoint',
        'check_session_iframe',
        'request_object_signing_alg_values_supported',
      ]) {
        expect(metadata, name).not.to.have.property(name);
      }
      expect(metadata['request_parameter_supported']).not.to.equal(true);
      expect(metadata['request_uri_parameter_supported']).to.equal(false);
    });

    it('SEC-43: the JWK Set is where metadata says, with public members only', async () => {
      const answer = await app.browser().request(metadata.jwks_uri);
      const { keys } = answer.json<{ keys: Record<string, unknown>[] }>();
      expect(keys.map(({ alg }) => alg)).to.include.members(['RS256', 'ES256']);
      for (const key of keys) {
        expect(key).not.to.have.any.keys('d', 'p', 'q', 'dp', 'dq', 'qi', 'k');
        expect(key['use']).to.equal('sig');
      }
      expect(new Set(keys.map(({ kid }) => kid)).size).to.equal(keys.length);
    });

    it('SEC-56: `iss` is in the success response', async () => {
      const rp = await createRelyingParty(app);
      const browser = await signedInBrowser(app, await createUser(app));
      const answer = await rp.authorize(browser);
      codeOf(answer);
      expect(answer.location?.searchParams.getAll('iss')).to.deep.equal([app.issuer]);
    });

    it('SEC-56: `iss` and `state` are in error responses, whatever the error', async () => {
      const rp = await createRelyingParty(app);
      const browser = app.browser();
      const errors: Record<string, Record<string, string | undefined>> = {
        login_required: { prompt: 'none' },
        invalid_request: { code_challenge: undefined, code_challenge_method: undefined },
        unsupported_response_type: { response_type: 'none' },
        unsupported_response_mode: { response_mode: 'nonsense' },
        invalid_target: { resource: 'https://other.example.com/' },
        request_not_supported: { request: 'a.b.c' },
        registration_not_supported: { registration: '{}' },
      };
      for (const [error, params] of Object.entries(errors)) {
        const answer = await rp.authorize(browser, params);
        expect(errorOf(answer), JSON.stringify(params)).to.equal(error);
        expect(answer.location?.searchParams.getAll('iss')).to.deep.equal([app.issuer]);
        expect(answer.location?.searchParams.getAll('state')).to.deep.equal(['a-state']);
      }
    });
  });
}

describe('metadata and the Host header', () => {
  let app: TestApp;
  before(async () => {
    app = await startTestApp();
  });
  after(() => app.close());

  it('SEC-93: no header of the client changes a URL in metadata', async () => {
    const honest = (await app.browser().request(OPENID)).json();
    for (const headers of [
      { 'x-forwarded-host': 'evil.example' },
      { 'x-forwarded-proto': 'gopher' },
      { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' },
      { forwarded: 'host=evil.example;proto=https' },
      { 'x-original-host': 'evil.example' },
    ]) {
      const spoofed = await app.browser().request(OPENID, { headers });
      expect(spoofed.json()).to.deep.equal(honest);
    }
  });
});
