/** Parameters that come twice, in the wrong place or with markup in them (RFC 6749 §3.1, §3.2). */
import { expect } from 'chai';
import type { Answer, Browser } from '../support/browser.ts';
import { createUser, signedInBrowser } from '../support/people.ts';
import {
  codeOf,
  createRelyingParty,
  errorOf,
  type RelyingParty,
} from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

describe('parameters of authorization and token requests', () => {
  let app: TestApp;
  let browser: Browser;
  let rp: RelyingParty;

  before(async () => {
    app = await startTestApp();
    browser = await signedInBrowser(app, await createUser(app));
    rp = await createRelyingParty(app);
  });
  after(() => app.close());

  const errorIn = (answer: Answer): string | undefined =>
    errorOf(answer) ?? /<code>([a-z_]+)<\/code>/.exec(answer.text)?.[1];

  for (const name of [
    'client_id',
    'response_type',
    'scope',
    'state',
    'code_challenge',
    'code_challenge_method',
    'prompt',
    'response_mode',
    'nonce',
    'max_age',
    'login_hint',
  ]) {
    it(`SEC-58: ${name} twice at the authorization endpoint is an invalid request`, async () => {
      const url = rp.authorizationUrl({ prompt: 'none', nonce: 'a', [name]: undefined });
      const values = { prompt: 'none', response_type: 'code', scope: 'openid' };
      const value = values[name as keyof typeof values] ?? rp.client.client_id;
      const twice = `&${name}=${value}&${name}=${value}`;
      const answer = await browser.request(url + twice);
      expect(errorIn(answer)).to.equal('invalid_request');
      expect(answer.location?.searchParams.has('code') ?? false).to.equal(false);
    });
  }

  const tokenRequest = async (body: string, query = ''): Promise<Answer> =>
    app.browser().request(`/oidc/token${query}`, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        authorization: `Basic ${btoa(`${rp.client.client_id}:${rp.secret}`)}`,
      },
    });

  const redemption = async (): Promise<URLSearchParams> =>
    new URLSearchParams({
      grant_type: 'authorization_code',
      code: codeOf(await rp.authorize(browser)),
      redirect_uri: rp.redirectUri,
      code_verifier: rp.verifier,
    });

  for (const name of ['grant_type', 'code', 'redirect_uri', 'code_verifier']) {
    it(`SEC-58: ${name} twice at the token endpoint is an invalid request`, async () => {
      const fields = await redemption();
      fields.append(name, fields.get(name) ?? '');
      const answer = await tokenRequest(fields.toString());
      expect(answer.status).to.equal(400);
      expect(answer.json()['error']).to.equal('invalid_request');
    });
  }

  it('SEC-58: client_id twice in the body is an invalid request', async () => {
    const fields = await redemption();
    fields.append('client_id', rp.client.client_id);
    fields.append('client_id', 'other');
    const answer = await tokenRequest(fields.toString());
    expect(answer.json()['error']).to.equal('invalid_request');
  });

  it('SEC-58: the token endpoint does not read its query', async () => {
    const fields = await redemption();
    const inQuery = await tokenRequest('', `?${fields}`);
    expect(inQuery.status).to.equal(400);
    const half = new URLSearchParams(fields);
    half.delete('code');
    const mixed = await tokenRequest(half.toString(), `?code=${fields.get('code')}`);
    expect(mixed.status).to.equal(400);
    expect((await tokenRequest(fields.toString(), '?grant_type=password')).status).to.equal(200);
  });

  it('SEC-58: client credentials in the query authenticate nobody', async () => {
    const fields = await redemption();
    const credentials = new URLSearchParams({
      client_id: rp.client.client_id,
      client_secret: rp.secret ?? '',
    });
    const answer = await app
      .browser()
      .request(`/oidc/token?${credentials}`, { form: fields, method: 'POST' });
    expect(answer.status).to.be.oneOf([400, 401]);
    expect(answer.json()).not.to.have.property('access_token');
  });

  it('SEC-33: the token endpoint answers POST alone', async () => {
    const fields = await redemption();
    for (const method of ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE']) {
      const answer = await app.browser().request(`/oidc/token?${fields}`, { method });
      expect(answer.status, method).to.be.oneOf([404, 405]);
    }
    expect((await tokenRequest(fields.toString())).status).to.equal(200);
  });

  for (const type of ['application/json', 'text/plain', 'multipart/form-data; boundary=x']) {
    it(`SEC-31: the token endpoint refuses a body of ${type}`, async () => {
      const answer = await app.browser().request('/oidc/token', {
        method: 'POST',
        body: JSON.stringify(Object.fromEntries(await redemption())),
        headers: {
          'content-type': type,
          authorization: `Basic ${btoa(`${rp.client.client_id}:${rp.secret}`)}`,
        },
      });
      expect(answer.status).to.equal(400);
      expect(answer.json()['error']).to.equal('invalid_request');
    });
  }

  describe('markup in parameters', () => {
    const MARKUP = '"><img src=x onerror=alert(1)><script>alert(2)</script>\'';
    const PARAMS = [
      'client_id',
      'redirect_uri',
      'response_type',
      'response_mode',
      'scope',
      'state',
      'nonce',
      'prompt',
      'max_age',
      'login_hint',
      'id_token_hint',
      'ui_locales',
      'acr_values',
      'claims',
      'request',
      'request_uri',
      'registration',
      'resource',
      'code_challenge',
      'code_challenge_method',
      'dpop_jkt',
      'error',
      'error_description',
      'error_hint',
      'error_debug',
    ];

    const expectNoMarkup = (answer: Answer): void => {
      expect(answer.text).not.to.match(/<img src=x|<script>alert|value=""><img/i);
      expect(answer.status).to.be.lessThan(500);
    };

    for (const name of PARAMS) {
      it(`Ory Hydra GO-2026-4861: ${name} is text wherever it is shown`, async () => {
        for (const extra of [{}, { redirect_uri: 'https://evil.example/' }]) {
          const params = { ...extra, [name]: MARKUP };
          expectNoMarkup(await rp.authorize(browser, params));
          expectNoMarkup(await rp.authorize(app.browser(), params));
          expectNoMarkup(await rp.authorize(browser, { response_mode: 'form_post', ...params }));
        }
      });
    }

    it('Ory Hydra GO-2026-4861: so are the parameters of logout and its error pages', async () => {
      for (const name of ['client_id', 'id_token_hint', 'post_logout_redirect_uri', 'state']) {
        const params = new URLSearchParams({ client_id: rp.client.client_id, [name]: MARKUP });
        expectNoMarkup(await browser.open(`/oidc/logout?${params}`));
      }
      const success = new URLSearchParams({ client_id: MARKUP });
      expectNoMarkup(await browser.open(`/oidc/logout/success?${success}`));
    });

    it("Ory Hydra GO-2026-4861: the client's name is text on its pages", async () => {
      const named = await createRelyingParty(app, { client_name: MARKUP, first_party: false });
      const consent = await named.authorize(browser);
      expect(consent.text).to.contain('&lt;script&gt;alert(2)');
      expectNoMarkup(consent);
      const signIn = await named.authorize(app.browser(), { login_hint: MARKUP });
      expect(signIn.text).to.contain('&lt;img');
      expectNoMarkup(signIn);
    });
  });
});
