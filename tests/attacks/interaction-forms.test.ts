/** Only our own page sends a form of an interaction, and only its own. */
import { expect } from 'chai';
import type { Answer, Browser } from '../support/browser.ts';
import { createUser, PASSWORD, signedInBrowser } from '../support/people.ts';
import { codeOf, createRelyingParty, type RelyingParty } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { csrfOf, postForm as post, uidOf } from './interaction-page.ts';

describe('forms of interactions', () => {
  let app: TestApp;
  let rp: RelyingParty;
  let asking: RelyingParty;

  before(async () => {
    app = await startTestApp();
    rp = await createRelyingParty(app);
    asking = await createRelyingParty(app, { first_party: false });
  });
  after(() => app.close());

  const isSignedIn = async (browser: Browser): Promise<boolean> =>
    (await rp.authorize(browser, { prompt: 'none' })).location?.searchParams.has('code') ?? false;

  const wrongTokens = async (page: Answer): Promise<Record<string, string>[]> => {
    const others = csrfOf(await rp.authorize(app.browser()));
    const own = csrfOf(page);
    expect(own).to.have.length.greaterThan(30);
    return [
      {},
      { _csrf: '' },
      { _csrf: others },
      { _csrf: own.slice(0, -1) },
      { _csrf: `${own}A` },
      { _csrf: own.toLowerCase() },
      { csrf: own },
      { '_csrf[]': own },
    ];
  };

  it('SEC-32: the sign-in form is taken only with the token of this interaction', async () => {
    const browser = app.browser();
    const page = await rp.authorize(browser);
    const { email } = await createUser(app);
    for (const token of await wrongTokens(page)) {
      const form = { email, password: PASSWORD, ...token };
      const answer = await post(browser, `/interaction/${uidOf(page)}/login`, form);
      expect(answer.status, JSON.stringify(token)).to.equal(403);
      expect(answer.setCookies).to.deep.equal([]);
    }
    expect(await isSignedIn(browser)).to.equal(false);
  });

  it('SEC-32: so are registration, cancelling, consent and denial', async () => {
    const browser = await signedInBrowser(app, await createUser(app));
    const consent = await asking.authorize(browser);
    const signInPage = await rp.authorize(app.browser());
    for (const token of await wrongTokens(consent)) {
      for (const step of ['allow', 'deny']) {
        const answer = await post(browser, `/interaction/${uidOf(consent)}/${step}`, token);
        expect(answer.status).to.equal(403);
      }
    }
    for (const step of ['register', 'cancel', 'again', 'choose']) {
      const answer = await post(browser, `/interaction/${uidOf(signInPage)}/${step}`, {});
      expect(answer.status).to.equal(403);
    }
    const silent = await asking.authorize(browser, { prompt: 'none' });
    expect(silent.location?.searchParams.get('error')).to.equal('consent_required');
  });

  it('SEC-29: a form that another site sends, as any header says, is refused, right token or not', async () => {
    const browser = app.browser();
    const page = await rp.authorize(browser);
    const user = await createUser(app);
    const form = { _csrf: csrfOf(page), email: user.email, password: PASSWORD };
    const foreign: Record<string, string>[] = [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
      { 'sec-fetch-site': 'cross-site', origin: 'null' },
      { origin: 'https://evil.example' },
      { origin: 'null', referer: 'https://evil.example/page' },
      { referer: 'https://evil.example/page' },
    ];
    for (const headers of foreign) {
      const answer = await post(browser, `/interaction/${uidOf(page)}/login`, form, headers);
      expect(answer.status, JSON.stringify(headers)).to.equal(403);
    }
    expect(await isSignedIn(browser)).to.equal(false);
    codeOf(await browser.follow(await post(browser, `/interaction/${uidOf(page)}/login`, form)));
  });

  it('SEC-31: bodies other than forms are refused', async () => {
    const browser = app.browser();
    const page = await rp.authorize(browser);
    const { email } = await createUser(app);
    const fields = { _csrf: csrfOf(page), email, password: PASSWORD };
    const types = { 'application/json': JSON.stringify(fields), 'text/plain': `email=${email}` };
    for (const [type, body] of Object.entries(types)) {
      const answer = await browser.request(`/interaction/${uidOf(page)}/login`, {
        method: 'POST',
        body,
        headers: { 'content-type': type, 'sec-fetch-site': 'same-origin' },
      });
      expect(answer.status, type).to.equal(415);
    }
  });

  it('SEC-58: a field that comes twice is refused', async () => {
    const browser = app.browser();
    const page = await rp.authorize(browser);
    const { email } = await createUser(app);
    const body = new URLSearchParams([
      ['_csrf', csrfOf(page)],
      ['email', email],
      ['email', 'other@example.com'],
      ['password', PASSWORD],
    ]).toString();
    const answer = await browser.request(`/interaction/${uidOf(page)}/login`, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'sec-fetch-site': 'same-origin',
      },
    });
    expect(answer.status).to.equal(400);
  });
});
