/** Where the authorization endpoint may send a code: to exactly what was registered (RFC 9700 §2.1). */
import { expect } from 'chai';
import { Clients } from '../../src/plugins/clients/contract.ts';
import type { Answer, Browser } from '../support/browser.ts';
import { createUser, signedInBrowser } from '../support/people.ts';
import { codeOf, createRelyingParty, type RelyingParty } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { expectErrorPage } from './expect-error-page.ts';
import { REDIRECT_URI_MUTANTS } from './redirect-uri-mutants.ts';

const REGISTERED = 'https://app.example.com/callback';

describe('redirect_uri at the authorization endpoint', () => {
  let app: TestApp;
  let browser: Browser;
  let rp: RelyingParty;

  before(async () => {
    app = await startTestApp();
    browser = await signedInBrowser(app, await createUser(app));
    rp = await createRelyingParty(app, { redirect_uris: [REGISTERED] });
  });
  after(() => app.close());

  const attempt = (params: Record<string, string | undefined>, as = rp): Promise<Answer> =>
    browser.request(as.authorizationUrl(params));

  it('SEC-52: the registered URI gets a code, so that the refusals below mean something', async () => {
    const answer = await attempt({});
    expect(codeOf(answer)).to.be.a('string');
    expect(`${answer.location?.origin}${answer.location?.pathname}`).to.equal(REGISTERED);
  });

  for (const [weakness, uris] of Object.entries(REDIRECT_URI_MUTANTS)) {
    it(`${weakness}: an error page, never a redirect (${uris.length} URIs)`, async () => {
      for (const redirect_uri of uris) {
        const answer = await attempt({ redirect_uri });
        try {
          expectErrorPage(answer);
        } catch (error) {
          throw new Error(`redirect_uri ${JSON.stringify(redirect_uri)}`, { cause: error });
        }
      }
    });
  }

  it('SEC-52: a request with other faults is no way around the check', async () => {
    const faults: Record<string, string | undefined>[] = [
      { response_type: 'token' },
      { response_type: 'id_token' },
      { response_type: undefined },
      { prompt: 'none' },
      { prompt: 'nonsense' },
      { code_challenge: undefined, code_challenge_method: undefined },
      { response_mode: 'form_post' },
      { response_mode: 'fragment' },
      { response_mode: 'web_message' },
      { response_mode: 'nonsense' },
      { scope: 'nonsense' },
      { request: 'a.b.c' },
      { request_uri: 'https://evil.example/request' },
      { request_uri: 'urn:ietf:params:oauth:request_uri:unknown' },
      { id_token_hint: 'a.b.c' },
      { max_age: '-1' },
      { resource: 'https://evil.example' },
      { registration: '{}' },
    ];
    for (const fault of faults) {
      const answer = await attempt({ ...fault, redirect_uri: 'https://evil.example/callback' });
      try {
        expect(answer.headers.get('location')).to.equal(null);
        expect(answer.status).to.equal(400);
        expect(answer.text).not.to.contain('action="https://evil');
      } catch (error) {
        throw new Error(JSON.stringify(fault), { cause: error });
      }
    }
  });

  it('SEC-52: no redirect_uri and two of them are error pages as well', async () => {
    expectErrorPage(await attempt({ redirect_uri: undefined }));
    const twice = `${rp.authorizationUrl()}&redirect_uri=${encodeURIComponent(REGISTERED)}`;
    expectErrorPage(await browser.request(twice));
    const array = rp.authorizationUrl().replace('redirect_uri=', 'redirect_uri[]=');
    expectErrorPage(await browser.request(array));
  });

  it('SEC-52: an unknown client is sent nowhere', async () => {
    for (const client_id of [
      'unknown',
      '',
      'auth-service',
      '\u0000',
      'https://evil.example/cimd',
    ]) {
      const answer = await attempt({ client_id, redirect_uri: 'https://evil.example/callback' });
      expect(answer.status, client_id).to.equal(400);
      expect(answer.headers.get('location'), client_id).to.equal(null);
    }
  });

  it('SEC-52: a pushed request is checked when it is pushed', async () => {
    for (const redirect_uri of ['https://evil.example/callback', `${REGISTERED}/`]) {
      const answer = await rp.post('/oidc/par', {
        client_id: rp.client.client_id,
        response_type: 'code',
        scope: 'openid',
        redirect_uri,
        code_challenge: rp.challenge,
        code_challenge_method: 'S256',
      });
      expect(answer.status).to.equal(400);
      expect(answer.json()['error']).to.equal('invalid_request');
    }
  });

  it("SEC-52: one client's URI is worth nothing to another client", async () => {
    const other = await createRelyingParty(app, { redirect_uris: ['https://other.example/cb'] });
    expectErrorPage(await attempt({ redirect_uri: REGISTERED }, other));
  });

  it('SEC-53: a URI that carries a parameter of our answer cannot be registered', async () => {
    const names = ['code', 'state', 'iss', 'error', 'id_token', 'access_token', 'response', 'CODE'];
    const queries = [...names.map((name) => `${name}=x`), 'a=b&code=x', 'a=b;state=x', 'co%64e=x'];
    for (const query of queries) {
      const creation = app.app
        .use(Clients)
        .create({ client_name: 'App', redirect_uris: [`${REGISTERED}?${query}`] });
      const refused = await creation.then(
        () => undefined,
        (error: { problem?: { type: string } }) => error.problem?.type,
      );
      expect(refused, query).to.equal('urn:problem:clients:invalid-metadata');
    }
  });

  it('SEC-53: our answer joins the query that was registered', async () => {
    const queried = await createRelyingParty(app, {
      redirect_uris: ['https://app.example.com/callback?tenant=a%26b'],
    });
    const { location } = await attempt({}, queried);
    expect(location?.searchParams.get('tenant')).to.equal('a&b');
    expect(location?.searchParams.getAll('code')).to.have.length(1);
  });
});
