/** What a person allows is bound to that person, that client, those scopes and this session (SEC-61). */
import { expect } from 'chai';
import { Consents } from '../../src/plugins/consent/contract.ts';
import type { User } from '../../src/plugins/users/contract.ts';
import { type Answer, type Browser, type Form, forms } from '../support/browser.ts';
import { createUser, login, signedInBrowser, signIn } from '../support/people.ts';
import { codeOf, createRelyingParty, errorOf } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

const allow = ({ action }: Form): boolean => action.endsWith('/allow');

describe('consent', () => {
  let app: TestApp;
  let user: User;
  let browser: Browser;

  before(async () => {
    app = await startTestApp();
  });
  beforeEach(async () => {
    user = await createUser(app);
    browser = await signedInBrowser(app, user);
  });
  after(() => app.close());

  const third = (metadata = {}) => createRelyingParty(app, { first_party: false, ...metadata });
  const allowed = (clientId: string, of = user) => app.app.use(Consents).allowed(of.id, clientId);
  const isConsentPage = (page: Answer): boolean => forms(page).some(allow);

  it('SEC-61: names the client, the account, the host of the redirect and each scope', async () => {
    const rp = await third({
      client_name: 'Weather',
      redirect_uris: ['https://weather.example:8443/cb'],
      allowed_scopes: ['account', 'forecast:read'],
    });
    const scope = 'openid email account forecast:read';
    const page = await rp.authorize(browser, { scope });
    for (const text of ['Weather', user.email, 'weather.example:8443', 'forecast:read']) {
      expect(page.text).to.contain(text);
    }
    expect(page.text.match(/class="permission"/g)).to.have.length(4);
    const signInPage = await rp.authorize(app.browser(), { scope });
    expect(signInPage.text).to.contain('Weather').and.to.contain('weather.example:8443');
  });

  it('SEC-61: offers no scope that the client may not have', async () => {
    const rp = await third();
    const page = await rp.authorize(browser, { scope: 'openid admin account' });
    expect(page.text.match(/class="permission"/g)).to.have.length(1);
    codeOf(await browser.submit(page, {}, allow));
    expect([...(await allowed(rp.client.client_id)).scopes]).to.deep.equal(['openid']);
  });

  it('SEC-61: fields that are added to the form allow nothing more', async () => {
    const rp = await third({ allowed_scopes: ['admin', 'account'] });
    const page = await rp.authorize(browser, { scope: 'openid' });
    const added = { scope: 'openid admin', scopes: 'admin', client_id: 'x', grant: 'admin' };
    const { body } = await rp.redeem(codeOf(await browser.submit(page, added, allow)));
    expect(body.scope).to.equal('openid');
    expect([...(await allowed(rp.client.client_id)).scopes]).to.deep.equal(['openid']);
  });

  it('SEC-61: one client’s consent is not another’s', async () => {
    const [one, two] = [await third(), await third()];
    codeOf(await browser.submit(await one.authorize(browser), {}, allow));
    codeOf(await one.authorize(browser, { prompt: 'none' }));
    expect(errorOf(await two.authorize(browser, { prompt: 'none' }))).to.equal('consent_required');
  });

  it('SEC-61: one person’s consent is not another’s', async () => {
    const rp = await third();
    codeOf(await browser.submit(await rp.authorize(browser), {}, allow));
    const other = await signedInBrowser(app, await createUser(app));
    expect(errorOf(await rp.authorize(other, { prompt: 'none' }))).to.equal('consent_required');
  });

  it('SEC-61: a wider request asks again, a narrower one does not', async () => {
    const rp = await third();
    const scope = 'openid email';
    codeOf(await browser.submit(await rp.authorize(browser, { scope }), {}, allow));
    codeOf(await rp.authorize(browser, { prompt: 'none', scope: 'openid' }));
    const wider = { scope: 'openid email profile' };
    const silent = await rp.authorize(browser, { ...wider, prompt: 'none' });
    expect(errorOf(silent)).to.equal('consent_required');
    const page = await rp.authorize(browser, wider);
    expect(isConsentPage(page)).to.equal(true);
    codeOf(await browser.submit(page, {}, allow));
    codeOf(await rp.authorize(browser, { ...wider, prompt: 'none' }));
  });

  it('SEC-61: prompt=consent asks although it was allowed before', async () => {
    const rp = await third();
    codeOf(await browser.submit(await rp.authorize(browser), {}, allow));
    expect(isConsentPage(await rp.authorize(browser, { prompt: 'consent' }))).to.equal(true);
    const firstParty = await createRelyingParty(app);
    expect(isConsentPage(await firstParty.authorize(browser, { prompt: 'consent' }))).to.equal(
      true,
    );
  });

  it('SEC-61: a page of an ended session allows nothing', async () => {
    const rp = await third();
    const page = await rp.authorize(browser);
    expect((await browser.request('/auth/logout', { method: 'POST' })).status).to.equal(204);
    const answer = await browser.submit(page, {}, allow);
    expect(answer.location?.searchParams.has('code') ?? false).to.equal(false);
    expect(answer.status).to.equal(400);
    expect((await allowed(rp.client.client_id)).scopes.size).to.equal(0);
  });

  it('SEC-61: a page of one person allows nothing once another has signed in', async () => {
    const rp = await third();
    const page = await rp.authorize(browser);
    const next = await createUser(app);
    expect((await login(browser, next)).status).to.equal(200);
    const answer = await browser.submit(page, {}, allow);
    expect(answer.location?.searchParams.has('code') ?? false).to.equal(false);
    expect((await allowed(rp.client.client_id)).scopes.size).to.equal(0);
    expect((await allowed(rp.client.client_id, next)).scopes.size).to.equal(0);
  });

  it('SEC-61: a withdrawn consent is asked again, and what it gave has ended', async () => {
    const rp = await third();
    const first = await browser.submit(await rp.authorize(browser), {}, allow);
    const { body } = await rp.redeem(codeOf(first));
    await app.app.use(Consents).withdraw(user.id, rp.client.client_id);
    expect((await rp.refresh(body.refresh_token ?? '')).body.error).to.equal('invalid_grant');
    expect(errorOf(await rp.authorize(browser, { prompt: 'none' }))).to.equal('consent_required');
  });

  it('SEC-61: a denial is told to the client with state and iss, and asked anew next time', async () => {
    const rp = await third();
    const page = await rp.authorize(browser, { state: 'mine' });
    const [form] = forms(page);
    const deny = await browser.follow(
      await browser.request(form?.action.replace(/allow$/, 'deny') ?? '', {
        form: form?.fields ?? {},
        headers: { 'sec-fetch-site': 'same-origin' },
      }),
    );
    expect(Object.fromEntries(deny.location?.searchParams ?? [])).to.include({
      error: 'access_denied',
      state: 'mine',
      iss: app.issuer,
    });
    expect(isConsentPage(await rp.authorize(browser))).to.equal(true);
  });

  it('SEC-61: a native client is always shown to the person, first-party or not (RFC 8252 §8.6)', async () => {
    const native = await createRelyingParty(app, {
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      redirect_uris: ['com.example.app:/cb'],
    });
    const silent = await native.authorize(browser, { prompt: 'none' });
    expect(errorOf(silent)).to.equal('interaction_required');
    const page = await native.authorize(browser);
    expect(isConsentPage(page)).to.equal(true);
    expect(page.text).to.contain('com.example.app');
    codeOf(await browser.submit(page, {}, allow));
    expect(isConsentPage(await native.authorize(browser))).to.equal(true);
  });

  it('SEC-93 B-01: the page stops no redirect of the client, and works in its own browser alone', async () => {
    const rp = await third();
    const pages = [await rp.authorize(browser), await rp.authorize(app.browser())];
    for (const page of pages) {
      const policy = page.headers.get('content-security-policy');
      expect(policy).to.contain("default-src 'none'").and.not.to.contain('form-action');
    }
    const back = await signIn(app.browser(), pages[1] as Answer, user);
    expect(back.status).to.equal(400);
  });
});
