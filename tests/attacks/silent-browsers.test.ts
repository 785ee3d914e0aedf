/**
 * Forms of browsers that do not say where a request comes from: no Sec-Fetch-Site, and `Origin: null`, or nothing at all
 * (B-07). What a sandboxed frame or a `data:` URL of another site sends looks the same, so the token alone tells them apart.
 */
import { expect } from 'chai';
import { type Answer, type Browser, type Form, forms } from '../support/browser.ts';
import { anyAddress, startLimitedApp } from '../support/limited-app.ts';
import { codeMailedTo, OUTBOX_ONLY } from '../support/mailed-links.ts';
import { createUser, PASSWORD, signedInBrowser, signIn } from '../support/people.ts';
import { codeOf, createRelyingParty } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

const SILENT: Readonly<Record<string, Record<string, string>>> = {
  'Origin null': { origin: 'null' },
  'no header at all': {},
};
const FOREIGN = { origin: 'https://evil.example.net' };
const FORGOT = '/auth/password/forgot';
const NEW_PASSWORD = 'nine loud ravens dive';
const TEXT = { accept: 'text/html' };

const formOf = (page: Answer, ending = ''): Form => {
  const form = forms(page).find(({ action }) => action.endsWith(ending));
  if (!form) throw new Error(`no form ${ending}: ${page.status} ${page.text.slice(0, 500)}`);
  return form;
};

const post = (
  browser: Browser,
  { action, fields }: Form,
  more: Record<string, string>,
  headers: Record<string, string>,
): Promise<Answer> =>
  browser.request(action, { form: { ...fields, ...more }, headers: { ...TEXT, ...headers } });

for (const [name, silent] of Object.entries(SILENT)) {
  describe(`forms of a browser that says nothing of their origin: ${name}`, () => {
    let app: TestApp;
    before(async () => {
      app = await startTestApp({ origin: 'https://auth.example.com', settings: OUTBOX_ONLY });
    });
    after(() => app.close());

    const resetLink = async (): Promise<string> => {
      const { email } = await createUser(app);
      await app.browser().request(FORGOT, { json: { email } });
      return `/l/${await codeMailedTo(app, email)}`;
    };

    it('B-07 SEC-29 SEC-30 signs in, allows, registers and goes back with the token of the page', async () => {
      const rp = await createRelyingParty(app, { first_party: false });
      const user = await createUser(app);
      const browser = app.browser();
      const signInForm = formOf(await rp.authorize(browser), '/login');
      const credentials = { email: user.email, password: PASSWORD };
      const wrong = await post(browser, signInForm, { ...credentials, password: 'x' }, silent);
      expect(wrong.status).to.equal(401);
      const signedIn = await post(browser, formOf(wrong, '/login'), credentials, silent);
      expect(signedIn.status).to.equal(303);
      const consent = await browser.follow(signedIn);
      const allowed = await post(browser, formOf(consent, '/allow'), {}, silent);
      codeOf(await browser.follow(allowed));
      const visitor = app.browser();
      const page = await visitor.request(`${(await rp.authorize(visitor)).url}/register`);
      const fresh = { email: `new-${user.email}`, name: '', password: PASSWORD };
      expect((await post(visitor, formOf(page, '/register'), fresh, silent)).status).to.equal(303);
      const leaving = formOf(await rp.authorize(app.browser()), '/login');
      expect((await post(app.browser(), leaving, credentials, silent)).status).to.equal(403);
    });

    it('B-07 SEC-32 without the token, with another’s, or in another browser nothing happens', async () => {
      const rp = await createRelyingParty(app);
      const user = await createUser(app);
      const [victim, attacker] = [app.browser(), app.browser()];
      const own = formOf(await rp.authorize(victim), '/login');
      const foreign = formOf(await rp.authorize(attacker), '/login');
      const credentials = { email: user.email, password: PASSWORD };
      for (const _csrf of [
        '',
        foreign.fields['_csrf'] ?? '',
        (own.fields['_csrf'] ?? '').slice(1),
      ]) {
        const answer = await post(victim, own, { ...credentials, _csrf }, silent);
        expect(answer.status).to.equal(403);
        expect(answer.setCookies).to.deep.equal([]);
      }
      // Login CSRF: the attacker's form as a whole, sent by the victim's browser.
      const answer = await post(victim, foreign, credentials, silent);
      expect(answer.status).to.equal(403);
      expect(answer.setCookies).to.deep.equal([]);
      expect(
        (await rp.authorize(victim, { prompt: 'none' })).location?.searchParams.get('error'),
      ).to.equal('login_required');
      expect((await post(victim, own, credentials, { ...silent, ...FOREIGN })).status).to.equal(
        403,
      );
      expect((await post(victim, own, credentials, silent)).status).to.equal(303);
    });

    // The path of that cookie keeps it from a name that only we could set: a sibling host sets it as well.
    it('B-07 SEC-29 the cookie of an attacker’s interaction, tossed from a sibling host, signs nobody in', async () => {
      const rp = await createRelyingParty(app);
      const mallory = await createUser(app);
      const attacker = app.browser();
      const page = await rp.authorize(attacker);
      const form = formOf(page, '/login');
      const tossed = await attacker.jar.getCookieString(page.url);
      const own = /(?:^|; )(__Secure-interaction=[^;]+; __Secure-interaction\.sig=[^;]+)/.exec(
        tossed,
      );
      expect(own).not.to.equal(null);
      const fresh = app.browser();
      const led = app.browser();
      await rp.authorize(led);
      const credentials = { email: mallory.email, password: PASSWORD };
      for (const victim of [fresh, led, await signedInBrowser(app, await createUser(app))]) {
        const kept = await victim.jar.getCookieString(`${app.issuer}/`);
        const cookie = [own?.[1], kept].filter(Boolean).join('; ');
        const answer = await post(victim, form, credentials, { ...silent, cookie });
        expect(answer.status).to.equal(403);
        expect(answer.setCookies).to.deep.equal([]);
      }
      expect((await post(attacker, form, credentials, silent)).status).to.equal(303);
    });

    it('B-07 SEC-29 pages for everybody and mailed links work with the cookie of the browser that got them', async () => {
      const { email } = await createUser(app);
      for (const browser of [app.browser(), await signedInBrowser(app, await createUser(app))]) {
        const forgot = formOf(await browser.request(FORGOT));
        const again = formOf(await post(browser, forgot, { email: 'no address' }, silent));
        expect((await post(browser, again, { email }, silent)).text).to.include('Check your mail');
        const link = formOf(await browser.request(await resetLink()));
        const refused = await post(browser, link, { new_password: 'password1234' }, silent);
        expect(refused.status).to.equal(400);
        const done = await post(browser, formOf(refused), { new_password: NEW_PASSWORD }, silent);
        expect(done.status).to.equal(200);
      }
      const person = await signedInBrowser(app, await createUser(app));
      const verify = formOf(await person.request('/auth/email/verify'));
      expect((await post(person, verify, {}, silent)).text).to.include('Check your mail');
    });

    it('B-07 SEC-32 an attacker’s link or form is worth nothing in another browser, led to the page or not', async () => {
      const attacker = app.browser();
      const path = await resetLink();
      const code = path.slice('/l/'.length);
      const link = formOf(await attacker.request(path));
      const forgot = formOf(await attacker.request(FORGOT));
      const fresh = app.browser();
      const led = app.browser();
      for (const page of [path, FORGOT]) await led.request(page);
      const signedIn = await signedInBrowser(app, await createUser(app));
      await signedIn.request(path);
      for (const victim of [fresh, led, signedIn]) {
        for (const _browser of [link.fields['_browser'] ?? '', '', 'x'.repeat(43)]) {
          const fields = { new_password: NEW_PASSWORD, _browser };
          expect((await post(victim, link, fields, silent)).status).to.equal(403);
          const asked = { email: 'a@example.org', _browser: forgot.fields['_browser'] ?? '' };
          expect((await post(victim, forgot, asked, silent)).status).to.equal(403);
        }
      }
      // The cookie of one page is not enough for another: each has a token of its own.
      const other = {
        ...link,
        fields: { ...link.fields, _browser: forgot.fields['_browser'] ?? '' },
      };
      expect((await post(attacker, other, { new_password: NEW_PASSWORD }, silent)).status).to.equal(
        403,
      );
      expect(code).to.have.lengthOf(32);
      expect((await post(attacker, link, { new_password: NEW_PASSWORD }, silent)).status).to.equal(
        200,
      );
    });
  });
}

describe('what only such browsers need', () => {
  it('B-07 SEC-25 the cookie of forms is host-locked, says nothing of anybody, and is asked of nobody else', async () => {
    const app = await startTestApp({ origin: 'https://auth.example.com', settings: OUTBOX_ONLY });
    try {
      const rp = await createRelyingParty(app);
      const browser = app.browser();
      const says = { headers: { ...TEXT, 'sec-fetch-site': 'cross-site' } };
      const said = app.browser();
      const path = (await said.request(rp.authorizationUrl(), says)).location?.href ?? '';
      const page = await said.request(path, says);
      expect(forms(page)[0]?.fields).to.have.property('_csrf');
      expect(page.text).not.to.include('_browser');
      expect(page.setCookies).to.deep.equal([]);
      const [cookie, ...more] = (await browser.request(FORGOT)).setCookies;
      expect(cookie).to.match(/^__Host-form=[\w-]{43}; path=\/; samesite=lax; secure; httponly$/);
      expect(more).to.deep.equal([]);
      const form = formOf(await browser.request(FORGOT));
      // Forms of the version before, and of plugins with a view of their own, know `_csrf` alone.
      const { _browser: _, ...former } = form.fields;
      const anonymous = { 'sec-fetch-site': 'same-origin' };
      const old = { ...form, fields: { ...former, email: 'a@example.org' } };
      expect((await post(app.browser(), old, {}, anonymous)).status).to.equal(200);
      await signIn(said, page, await createUser(app));
      expect((await said.request(FORGOT)).setCookies).to.deep.equal([]);
    } finally {
      await app.close();
    }
  });

  it('B-07 forms that prove nothing spend nothing of what the person’s address has left', async () => {
    const app = await startLimitedApp({ settings: { RATE_LIMIT_SIGN_IN: '2/0.001' } });
    try {
      const rp = await createRelyingParty(app);
      const browser = app.browser();
      const form = formOf(await rp.authorize(browser), '/login');
      const credentials = { email: (await createUser(app)).email, password: 'wrong' };
      const from = { 'x-forwarded-for': anyAddress(), origin: 'null' };
      const status = async (more: Record<string, string>) =>
        (await post(browser, form, { ...credentials, ...more }, from)).status;
      for (let i = 0; i < 4; i += 1) expect(await status({ _csrf: 'x' })).to.equal(403);
      expect([await status({}), await status({}), await status({})]).to.deep.equal([401, 401, 429]);
    } finally {
      await app.close();
    }
  });
});
