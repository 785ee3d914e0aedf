import { expect } from 'chai';
import { type Answer, type Browser, type Form, forms } from '../support/browser.ts';
import { createUser, PASSWORD, signedInBrowser, signIn } from '../support/people.ts';
import { codeOf, createRelyingParty, errorOf } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

const SAME_ORIGIN = { 'sec-fetch-site': 'same-origin', accept: 'text/html' };

describe('form tokens', () => {
  let app: TestApp;

  before(async () => {
    app = await startTestApp();
  });
  after(() => app.close());

  const formOf = (page: Answer, ending: string): Form => {
    const form = forms(page).find(({ action }) => action.endsWith(ending));
    if (!form) throw new Error(`no form ${ending}: ${page.text.slice(0, 500)}`);
    return form;
  };

  const post = (browser: Browser, form: Form, changes: Record<string, string | undefined>) => {
    const all: Record<string, string | undefined> = { ...form.fields, ...changes };
    const given = Object.entries(all).filter(
      (pair): pair is [string, string] => pair[1] !== undefined,
    );
    return browser.request(form.action, { form: Object.fromEntries(given), headers: SAME_ORIGIN });
  };

  it('SEC-32 every form that the hosted pages show carries a token of 32 bytes', async () => {
    const rp = await createRelyingParty(app, { first_party: false });
    const browser = app.browser();
    const signInPage = await rp.authorize(browser);
    const registerPage = await browser.request(`${signInPage.url}/register`);
    const consentPage = await signIn(browser, signInPage, await createUser(app));
    for (const page of [signInPage, registerPage, consentPage]) {
      const posted = forms(page).filter(({ method }) => method.toLowerCase() === 'post');
      expect(posted, page.url).not.to.have.lengthOf(0);
      for (const { fields, action } of posted) {
        expect(fields['_csrf'], action).to.match(/^[\w-]{43}$/);
      }
    }
  });

  it('SEC-32 signing in needs the token: login CSRF before there is any session', async () => {
    const rp = await createRelyingParty(app);
    const user = await createUser(app);
    const browser = app.browser();
    const form = formOf(await rp.authorize(browser), '/login');
    const foreign = formOf(await rp.authorize(app.browser()), '/login').fields['_csrf'] ?? '';
    const own = form.fields['_csrf'] ?? '';
    const credentials = { email: user.email, password: PASSWORD };
    for (const _csrf of [
      undefined,
      '',
      foreign,
      own.slice(1),
      `${own}=`,
      own.toLowerCase(),
      '\u0000',
    ]) {
      const answer = await post(browser, form, { ...credentials, _csrf });
      expect(answer.status, String(_csrf)).to.equal(403);
      expect(answer.setCookies).to.deep.equal([]);
    }
    expect((await post(browser, form, credentials)).status, 'with the token').to.equal(303);
  });

  it('D14 SEC-92 a token of as many characters, but more bytes, is refused as any other', async () => {
    const rp = await createRelyingParty(app);
    const browser = app.browser();
    const form = formOf(await rp.authorize(browser), '/login');
    const forgot = formOf(await browser.request('/auth/password/forgot'), '/forgot');
    for (const one of ['\u00e9', '\u20ac', '\ud800']) {
      for (const posted of [form, forgot]) {
        const answer = await post(browser, posted, {
          email: 'a@example.org',
          _csrf: one.repeat(43),
        });
        expect(answer.status, `${posted.action} ${one}`).to.equal(403);
      }
    }
  });

  it('SEC-32 a token in the query or in a header is none', async () => {
    const rp = await createRelyingParty(app);
    const browser = app.browser();
    const form = formOf(await rp.authorize(browser), '/login');
    const token = form.fields['_csrf'] ?? '';
    const { email } = await createUser(app);
    const answer = await browser.request(`${form.action}?_csrf=${token}`, {
      form: { email, password: PASSWORD },
      headers: { ...SAME_ORIGIN, 'x-csrf-token': token },
    });
    expect(answer.status).to.equal(403);
  });

  it('SEC-32 two tokens in one form are refused', async () => {
    const rp = await createRelyingParty(app);
    const browser = app.browser();
    const form = formOf(await rp.authorize(browser), '/login');
    const { email } = await createUser(app);
    const doubled = new URLSearchParams({ ...form.fields, email, password: PASSWORD });
    doubled.append('_csrf', form.fields['_csrf'] ?? '');
    const answer = await browser.request(form.action, { form: doubled, headers: SAME_ORIGIN });
    expect(answer.status).to.equal(400);
  });

  it("SEC-32 consent needs the token of this request: another user's page is worth nothing", async () => {
    const rp = await createRelyingParty(app, { first_party: false });
    const victim = await signedInBrowser(app, await createUser(app));
    const mallory = await signedInBrowser(app, await createUser(app));
    const form = formOf(await rp.authorize(victim), '/allow');
    const foreign = formOf(await rp.authorize(mallory), '/allow').fields['_csrf'];
    for (const _csrf of [undefined, foreign]) {
      expect((await post(victim, form, { _csrf })).status).to.equal(403);
    }
    expect(errorOf(await rp.authorize(victim, { prompt: 'none' }))).to.equal('consent_required');
    codeOf(await victim.follow(await post(victim, form, {})));
  });

  it('SEC-32 signing out on the page needs the token of this session', async () => {
    const victim = await signedInBrowser(app, await createUser(app));
    const mallory = await signedInBrowser(app, await createUser(app));
    const form = formOf(await victim.request('/oidc/logout'), '/confirm');
    const foreign = formOf(await mallory.request('/oidc/logout'), '/confirm').fields['xsrf'];
    for (const xsrf of [undefined, '', foreign]) {
      const answer = await post(victim, form, { xsrf, logout: 'yes' });
      expect(answer.status, String(xsrf)).to.equal(400);
    }
    expect((await victim.request('/auth/me')).status).to.equal(200);
  });

  it('SEC-29 the forms of pages refuse other sites, whatever token they carry', async () => {
    const rp = await createRelyingParty(app);
    const browser = app.browser();
    const form = formOf(await rp.authorize(browser), '/login');
    const { email } = await createUser(app);
    const filled = { ...form.fields, email, password: PASSWORD };
    for (const headers of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'cross-site', origin: new URL(app.issuer).origin },
      { 'sec-fetch-site': 'cross-site', origin: 'null' },
      { 'sec-fetch-site': 'same-site', origin: 'null' },
      { origin: 'https://evil.example.net' },
      { origin: 'null', referer: 'https://evil.example.net/' },
      { origin: 'null, null' },
      { referer: 'https://evil.example.net/' },
      { referer: 'null' },
    ]) {
      const answer = await browser.request(form.action, { form: filled, headers });
      expect(answer.status, JSON.stringify(headers)).to.equal(403);
    }
  });
});
