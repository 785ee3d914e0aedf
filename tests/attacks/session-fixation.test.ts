import { expect } from 'chai';
import type { Browser } from '../support/browser.ts';
import { createUser, login, signedInBrowser, signIn } from '../support/people.ts';
import {
  codeOf,
  createRelyingParty,
  errorOf,
  type RelyingParty,
} from '../support/relying-party.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';
import { decodeToken } from './forged-token.ts';

const NAMES = ['authsrv-session', 'authsrv-session.sig'] as const;

for (const store of storeKinds) {
  describe(`session fixation, state store on ${store}`, () => {
    let app: TestApp;
    let rp: RelyingParty;

    before(async () => {
      app = await startTestApp({ store });
      rp = await createRelyingParty(app);
    });
    after(() => app.close());

    /** The session cookie of a browser as a header; '' when it has none. */
    async function sessionCookie(browser: Browser): Promise<string> {
      const pairs = await Promise.all(
        NAMES.map(async (name) => [name, await browser.cookie(name)] as const),
      );
      return pairs
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => `${name}=${value}`)
        .join('; ');
    }

    /** The signed cookie of a session in which nobody is signed in: what anybody can get. */
    async function anonymousSession(): Promise<string> {
      const browser = app.browser();
      await browser.request('/oidc/logout');
      const cookie = await sessionCookie(browser);
      expect(cookie).to.match(/^authsrv-session=[\w-]+; authsrv-session\.sig=[\w-]+$/);
      return cookie;
    }

    /** Puts a session cookie into somebody's browser. */
    async function plant(browser: Browser, cookie: string): Promise<void> {
      for (const pair of cookie.split('; ')) {
        await browser.jar.setCookie(`${pair}; Path=/`, app.issuer);
      }
    }

    /** Who a session cookie alone is signed in as; undefined for nobody. */
    async function whoIs(cookie: string): Promise<unknown> {
      const url = rp.authorizationUrl({ prompt: 'none' });
      const answer = await app.browser().request(url, { headers: { cookie } });
      if (errorOf(answer) === 'login_required') return undefined;
      const { body } = await rp.redeem(codeOf(answer));
      return decodeToken(body.id_token ?? '').claims['sub'];
    }

    it('SEC-26 a planted anonymous session is not the one that a REST sign-in opens', async () => {
      const planted = await anonymousSession();
      const victim = app.browser();
      await plant(victim, planted);
      const user = await createUser(app);
      await login(victim, user);
      expect(await whoIs(planted)).to.equal(undefined);
      const fresh = await sessionCookie(victim);
      expect(fresh).not.to.equal(planted);
      expect(await whoIs(fresh)).to.equal(user.id);
    });

    it('SEC-26 a planted anonymous session is not the one that the hosted page opens', async () => {
      const planted = await anonymousSession();
      const victim = app.browser();
      await plant(victim, planted);
      const page = await rp.authorize(victim);
      const user = await createUser(app);
      codeOf(await signIn(victim, page, user));
      expect(await whoIs(planted)).to.equal(undefined);
      expect(await whoIs(await sessionCookie(victim))).to.equal(user.id);
    });

    it("SEC-26 a planted session of the attacker's own never becomes the victim's", async () => {
      const mallory = await createUser(app);
      const planted = await sessionCookie(await signedInBrowser(app, mallory));
      const user = await createUser(app);

      const atApi = app.browser();
      await plant(atApi, planted);
      await login(atApi, user);
      expect(await whoIs(planted)).to.equal(undefined);
      expect(await whoIs(await sessionCookie(atApi))).to.equal(user.id);

      const again = await sessionCookie(await signedInBrowser(app, mallory));
      const atPage = app.browser();
      await plant(atPage, again);
      const page = await rp.authorize(atPage, { prompt: 'login' });
      const other = await atPage.request(`${page.url}/other`);
      codeOf(await signIn(atPage, other, user));
      expect(await whoIs(again)).not.to.equal(user.id);
      expect(await whoIs(await sessionCookie(atPage))).to.equal(user.id);
    });

    it('SEC-26 a new sign-in ends the session before it: cookie, access token and refresh token', async () => {
      const user = await createUser(app);
      const browser = await signedInBrowser(app, user);
      const cookie = await sessionCookie(browser);
      const access = (await browser.cookie('authsrv-access')) ?? '';
      const refresh = (await browser.cookie('authsrv-refresh')) ?? '';
      await login(browser, user);
      expect(await whoIs(cookie)).to.equal(undefined);
      const anonymous = app.browser();
      const headers = { authorization: `Bearer ${access}` };
      expect((await anonymous.request('/auth/me', { headers })).status).to.equal(401);
      const refreshed = await anonymous.request('/auth/refresh', {
        method: 'POST',
        headers: { cookie: `${cookie}; authsrv-refresh=${refresh}` },
      });
      expect(refreshed.status).to.equal(401);
      expect((await browser.request('/auth/me')).status).to.equal(200);
    });

    it('SEC-26 a session cookie counts with its signature only', async () => {
      const user = await createUser(app);
      const cookie = await sessionCookie(await signedInBrowser(app, user));
      const stranger = await sessionCookie(await signedInBrowser(app, await createUser(app)));
      const [value = '', signature = ''] = cookie.split('; ');
      const [, foreign = ''] = stranger.split('; ');
      expect(await whoIs(cookie)).to.equal(user.id);
      for (const forged of [
        value,
        `${value}; authsrv-session.sig=`,
        `${value}; ${foreign}`,
        signature,
      ]) {
        expect(await whoIs(forged), forged).to.equal(undefined);
      }
    });

    it('SEC-26 after logout the old cookie is dead, and so is one that was read before', async () => {
      const browser = await signedInBrowser(app, await createUser(app));
      const cookie = await sessionCookie(browser);
      await browser.request('/auth/logout', { method: 'POST' });
      expect(await whoIs(cookie)).to.equal(undefined);
    });
  });
}
