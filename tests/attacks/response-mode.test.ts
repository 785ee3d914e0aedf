/** How answers travel: query unless asked otherwise, fragment never downgraded, form_post within our CSP. */
import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { type Answer, type Browser, forms } from '../support/browser.ts';
import { createUser, signedInBrowser } from '../support/people.ts';
import { codeOf, createRelyingParty, type RelyingParty } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

/** Directives of the Content-Security-Policy, by name. */
const policyOf = ({ headers }: Answer): Record<string, string[]> =>
  Object.fromEntries(
    (headers.get('content-security-policy') ?? '').split(';').map((directive) => {
      const [name = '', ...sources] = directive.trim().split(/\s+/);
      return [name, sources];
    }),
  );

const inlineScripts = ({ text }: Answer): string[] =>
  [...text.matchAll(/<script>([\s\S]*?)<\/script>/g)].map(([, script = '']) => script);

/** Every inline script is allowed by its hash, nothing by a wildcard, and no redirect of the client is stopped (B-01). */
function expectRunsUnderPolicy(answer: Answer): void {
  const policy = policyOf(answer);
  const scripts = inlineScripts(answer);
  expect(scripts).to.have.length(1);
  for (const script of scripts) {
    const digest = createHash('sha256').update(script).digest('base64');
    expect(policy['script-src']).to.include(`'sha256-${digest}'`);
  }
  expect(policy['script-src']).not.to.include("'unsafe-inline'");
  expect(policy).not.to.have.property('form-action');
  expect(policy['default-src']).to.deep.equal(["'none'"]);
  expect(policy['frame-ancestors']).to.deep.equal(["'none'"]);
  for (const sources of Object.values(policy)) expect(sources).not.to.include('*');
  expect(answer.text).not.to.match(/\son\w+=|javascript:/i);
}

describe('response_mode', () => {
  let app: TestApp;
  let browser: Browser;
  let rp: RelyingParty;

  before(async () => {
    app = await startTestApp();
    browser = await signedInBrowser(app, await createUser(app));
    rp = await createRelyingParty(app);
  });
  after(() => app.close());

  for (const response_mode of [undefined, 'query']) {
    it(`SEC-57: ${response_mode ?? 'none given'} answers in the query`, async () => {
      const { location } = await rp.authorize(browser, { response_mode });
      expect(location?.hash).to.equal('');
      expect(location?.searchParams.get('code')).to.be.a('string');
    });
  }

  it('SEC-57: fragment answers in the fragment and leaves the query alone', async () => {
    const { location, status } = await rp.authorize(browser, { response_mode: 'fragment' });
    expect(status).to.equal(303);
    expect(location?.search).to.equal('');
    const params = new URLSearchParams(location?.hash.slice(1));
    expect(params.get('code')).to.be.a('string');
    expect(params.get('iss')).to.equal(app.issuer);
    expect(params.get('state')).to.equal('a-state');
  });

  it('SEC-57: errors of a fragment request are in the fragment too', async () => {
    const params = { response_mode: 'fragment', prompt: 'none' };
    const { location } = await rp.authorize(app.browser(), params);
    expect(location?.search).to.equal('');
    const answer = new URLSearchParams(location?.hash.slice(1));
    expect(answer.get('error')).to.equal('login_required');
    expect(answer.get('iss')).to.equal(app.issuer);
  });

  it('SEC-57: form_post is a page that posts to the client, under our policy', async () => {
    const answer = await rp.authorize(browser, { response_mode: 'form_post' });
    expect(answer.status).to.equal(200);
    expectRunsUnderPolicy(answer);
    const [form] = forms(answer);
    expect(form).to.deep.include({ action: rp.redirectUri, method: 'post' });
    expect(form?.fields).to.have.all.keys('code', 'iss', 'state');
    expect(answer.headers.get('cache-control')).to.include('no-store');
    expect((await rp.redeem(form?.fields['code'] ?? '')).status).to.equal(200);
  });

  it('SEC-57: so is the form_post page of an error, and nothing in it is markup', async () => {
    const state = '"><script>alert(1)</script>';
    const params = { response_mode: 'form_post', prompt: 'none', state };
    const answer = await rp.authorize(app.browser(), params);
    expectRunsUnderPolicy(answer);
    expect(answer.text).not.to.contain('<script>alert');
    expect(forms(answer)[0]?.fields).to.include({
      error: 'login_required',
      iss: app.issuer,
      state,
    });
  });

  it('SEC-57: form_post to a native client of a private-use scheme is such a page too', async () => {
    const native = await createRelyingParty(app, {
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      redirect_uris: ['com.example.app:/cb'],
    });
    const answer = await native.authorize(app.browser(), {
      response_mode: 'form_post',
      prompt: 'none',
    });
    expectRunsUnderPolicy(answer);
    expect(forms(answer)[0]?.action).to.equal('com.example.app:/cb');
  });

  it('SEC-57: an error page may still post to us alone', async () => {
    for (const response_mode of ['query', 'form_post']) {
      const params = { redirect_uri: 'https://evil.example/', response_mode };
      const page = await rp.authorize(app.browser(), params);
      expect(policyOf(page)['form-action']).to.deep.equal(["'self'"]);
      expect(policyOf(page)['script-src']).to.deep.equal(["'self'"]);
    }
  });

  for (const response_mode of [
    'web_message',
    'jwt',
    'query.jwt',
    'nonsense',
    'Fragment',
    'query ',
  ]) {
    it(`SEC-57: ${JSON.stringify(response_mode)} is refused and gives no code`, async () => {
      const answer = await rp.authorize(browser, { response_mode });
      expect(answer.location?.searchParams.get('error')).to.equal('unsupported_response_mode');
      expect(answer.location?.href).not.to.match(/[?&#]code=/);
    });
  }

  it('SEC-57: a fragment request that asks for consent on the way ends in the fragment', async () => {
    const asking = await createRelyingParty(app, { first_party: false });
    const page = await asking.authorize(browser, { response_mode: 'fragment' });
    const back = await browser.submit(page, {}, (form) => form.action.endsWith('/allow'));
    expect(() => codeOf(back)).to.throw();
    expect(new URLSearchParams(back.location?.hash.slice(1)).get('code')).to.be.a('string');
  });
});
