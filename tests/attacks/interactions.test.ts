/** The steps of an authorization request belong to one browser, and only their own form takes them. */
import { expect } from 'chai';
import { type Browser, forms } from '../support/browser.ts';
import { createUser, PASSWORD, signedInBrowser, signIn } from '../support/people.ts';
import { codeOf, createRelyingParty, type RelyingParty } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { csrfOf, postForm as post, uidOf } from './interaction-page.ts';

describe('interactions', () => {
  let app: TestApp;
  let rp: RelyingParty;
  let asking: RelyingParty;

  before(async () => {
    app = await startTestApp();
    rp = await createRelyingParty(app);
    asking = await createRelyingParty(app, { first_party: false });
  });
  after(() => app.close());

  const resume = (browser: Browser, uid: string) => browser.open(`/oidc/authorize/${uid}`);

  const isSignedIn = async (browser: Browser): Promise<boolean> =>
    (await rp.authorize(browser, { prompt: 'none' })).location?.searchParams.has('code') ?? false;

  describe('in another browser', () => {
    it('SEC-61 Dex CVE-2022-39222: a link to the step of somebody else shows nothing', async () => {
      const attacker = app.browser();
      const uid = uidOf(await rp.authorize(attacker));
      const victim = await signedInBrowser(app, await createUser(app));
      for (const browser of [victim, app.browser()]) {
        for (const path of [`/interaction/${uid}`, `/interaction/${uid}/register`]) {
          const page = await browser.open(path);
          expect(page.status).to.equal(400);
          expect(forms(page)).to.deep.equal([]);
        }
        const resumed = await resume(browser, uid);
        expect(resumed.status).to.equal(400);
        expect(resumed.location).to.equal(undefined);
      }
    });

    it('SEC-61 Dex CVE-2022-39222: a victim who is led there signs nobody in', async () => {
      const attacker = app.browser();
      const page = await rp.authorize(attacker);
      const uid = uidOf(page);
      const user = await createUser(app);
      const victim = app.browser();
      const form = { _csrf: csrfOf(page), email: user.email, password: PASSWORD };
      const answer = await post(victim, `/interaction/${uid}/login`, form);
      expect(answer.status).to.equal(400);
      expect(answer.setCookies).to.deep.equal([]);
      const after = await resume(attacker, uid);
      expect(after.location?.searchParams.has('code') ?? false).to.equal(false);
      expect(await isSignedIn(attacker)).to.equal(false);
    });

    it('SEC-61: a consent page cannot be answered from elsewhere', async () => {
      const user = await createUser(app);
      const owner = await signedInBrowser(app, user);
      const page = await asking.authorize(owner);
      const path = `/interaction/${uidOf(page)}/allow`;
      const elsewhere = await signedInBrowser(app, user);
      for (const browser of [elsewhere, app.browser()]) {
        expect((await post(browser, path, { _csrf: csrfOf(page) })).status).to.equal(400);
      }
      const silent = await asking.authorize(elsewhere, { prompt: 'none' });
      expect(silent.location?.searchParams.get('error')).to.equal('consent_required');
      codeOf(await owner.submit(page, {}, ({ action }) => action.endsWith('/allow')));
    });

    it('SEC-61: the cookie of one interaction opens no other, and a forged one opens none', async () => {
      const mine = app.browser();
      const minePage = await rp.authorize(mine);
      const theirs = uidOf(await rp.authorize(app.browser()));
      const cookies = async (path: string) => mine.jar.getCookieString(`${app.issuer}${path}`);
      const own = await cookies(`/interaction/${uidOf(minePage)}`);
      expect(own).to.match(/authsrv-interaction=/);
      const signature = /interaction\.sig=([^;]+)/.exec(own)?.[1];
      const forged = [
        own,
        `authsrv-interaction=${theirs}`,
        `authsrv-interaction=${theirs}; authsrv-interaction.sig=`,
        `authsrv-interaction=${theirs}; authsrv-interaction.sig=${signature}`,
        `authsrv-interaction=${theirs}; authsrv-interaction.sig=${'A'.repeat(27)}`,
      ];
      for (const cookie of forged) {
        const options = { headers: { cookie, accept: 'text/html' } };
        const page = await app.browser().request(`/interaction/${theirs}`, options);
        expect(page.status, cookie).to.equal(400);
        expect(forms(page)).to.deep.equal([]);
      }
    });

    it('SEC-61: two tabs of one browser do not mix their clients', async () => {
      const user = await createUser(app);
      const browser = app.browser();
      const one = await rp.authorize(browser, { state: 'one' });
      const other = await createRelyingParty(app, { redirect_uris: ['https://b.example/cb'] });
      const two = await other.authorize(browser, { state: 'two' });
      const backTwo = await signIn(browser, two, user);
      expect(backTwo.location?.href).to.match(/^https:\/\/b\.example\/cb\?.*state=two/);
      const backOne = await signIn(browser, one, user);
      expect(backOne.location?.href).to.match(/^https:\/\/rp\.example\.com\/.*state=one/);
    });
  });

  describe('steps', () => {
    /** What a resumed request leads to when nothing was proven: a page of ours again. */
    const expectStillOpen = async (browser: Browser, uid: string): Promise<void> => {
      const after = await resume(browser, uid);
      expect(after.location?.searchParams.has('code') ?? false).to.equal(false);
    };

    for (const step of ['login', 'register', 'again', 'choose']) {
      it(`authentik CVE-2026-49448: an empty post to ${step} proves nothing`, async () => {
        const browser = app.browser();
        const prompt = step === 'choose' ? 'select_account' : undefined;
        const page = await rp.authorize(browser, { prompt });
        const form = { _csrf: csrfOf(page) };
        const answer = await post(browser, `/interaction/${uidOf(page)}/${step}`, form);
        expect(answer.status).to.be.oneOf([200, 400, 401, 422]);
        expect(answer.setCookies.join()).not.to.match(/(^|,)authsrv-session=/);
        await expectStillOpen(browser, uidOf(page));
      });
    }

    it('authentik CVE-2026-49448: nor does one where the password is asked again', async () => {
      const browser = await signedInBrowser(app, await createUser(app));
      const page = await rp.authorize(browser, { prompt: 'login' });
      for (const step of ['again', 'login']) {
        const form = { _csrf: csrfOf(page) };
        const answer = await post(browser, `/interaction/${uidOf(page)}/${step}`, form);
        expect(answer.status, step).to.equal(401);
      }
      await expectStillOpen(browser, uidOf(page));
    });

    it('authentik CVE-2026-49448: a step of another prompt is not there', async () => {
      const signInPage = app.browser();
      const login = await rp.authorize(signInPage);
      for (const step of ['allow', 'deny', 'choose']) {
        const form = { _csrf: csrfOf(login) };
        const answer = await post(signInPage, `/interaction/${uidOf(login)}/${step}`, form);
        expect(answer.status, step).to.equal(404);
      }
      await expectStillOpen(signInPage, uidOf(login));

      const consentPage = await signedInBrowser(app, await createUser(app));
      const consent = await asking.authorize(consentPage);
      for (const step of ['login', 'again', 'register', 'choose', 'cancel']) {
        const form = { _csrf: csrfOf(consent) };
        const answer = await post(consentPage, `/interaction/${uidOf(consent)}/${step}`, form);
        expect(answer.status, step).to.equal(404);
      }
      await expectStillOpen(consentPage, uidOf(consent));
    });

    for (const step of ['constructor', '__proto__', 'toString', 'hasOwnProperty', '..', '%2e%2e']) {
      it(`SEC-80: ${step} is no step`, async () => {
        const browser = app.browser();
        const page = await rp.authorize(browser);
        const path = `/interaction/${uidOf(page)}/${step}`;
        const posted = await post(browser, path, { _csrf: csrfOf(page) });
        expect(posted.status).to.be.oneOf([404, 405]);
        expect((await browser.open(path)).status).to.be.oneOf([404, 405]);
      });
    }

    it('SEC-33: a GET of an action does nothing', async () => {
      const browser = await signedInBrowser(app, await createUser(app));
      const page = await asking.authorize(browser);
      for (const step of ['allow', 'deny']) {
        const url = `/interaction/${uidOf(page)}/${step}?_csrf=${csrfOf(page)}`;
        for (const method of ['GET', 'HEAD']) {
          const answer = await browser.request(url, { method });
          expect(answer.status, `${method} ${step}`).to.equal(404);
        }
      }
      await expectStillOpen(browser, uidOf(page));
    });

    it('SEC-61: resuming before a step was taken leads back to it', async () => {
      const browser = app.browser();
      const page = await rp.authorize(browser);
      const again = await resume(browser, uidOf(page));
      expect(new URL(again.url).pathname).to.match(/\/interaction\//);
      expect(again.location).to.equal(undefined);
    });

    it('SEC-61: a finished interaction cannot be used again', async () => {
      const browser = app.browser();
      const page = await rp.authorize(browser);
      const user = await createUser(app);
      codeOf(await signIn(browser, page, user));
      const uid = uidOf(page);
      expect((await browser.open(`/interaction/${uid}`)).status).to.equal(400);
      expect((await resume(browser, uid)).status).to.equal(400);
    });
  });

  it('SEC-65: every redirect after a POST is a 303, and nothing of the form is in it', async () => {
    const user = await createUser(app);
    const browser = app.browser();
    const page = await asking.authorize(browser);
    const form = { _csrf: csrfOf(page), email: user.email, password: PASSWORD };
    const signedIn = await post(browser, `/interaction/${uidOf(page)}/login`, form);
    expect(signedIn.status).to.equal(303);
    expect(signedIn.location?.href).not.to.contain(encodeURIComponent(user.email));
    expect(signedIn.location?.href).not.to.match(/password|seven/);
    const consent = await browser.follow(signedIn);
    const path = `/interaction/${uidOf(consent)}/allow`;
    const allowed = await post(browser, path, { _csrf: csrfOf(consent) });
    expect(allowed.status).to.equal(303);
    expect((await browser.request(allowed.location?.href ?? '')).status).to.equal(303);
    const logout = await browser.open('/oidc/logout');
    const [confirm] = forms(logout);
    const confirmed = await post(browser, confirm?.action ?? '', {
      ...confirm?.fields,
      logout: 'yes',
    });
    expect(confirmed.status).to.equal(303);
  });
});
