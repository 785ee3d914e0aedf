/** Answers to the cookies of a former sign-in, which a browser gets after another one: they take nothing away (B-08). */
import { expect } from 'chai';
import type { Answer, Browser } from '../support/browser.ts';
import { createUser, login, PASSWORD, signedInBrowser, signIn } from '../support/people.ts';
import {
  codeOf,
  createRelyingParty,
  errorOf,
  type RelyingParty,
} from '../support/relying-party.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';

for (const store of storeKinds) {
  describe(`answers that arrive after another sign-in, state store on ${store}`, () => {
    let app: TestApp;
    let rp: RelyingParty;
    before(async () => {
      app = await startTestApp({ store });
      rp = await createRelyingParty(app);
    });
    after(() => app.close());

    const silently = (browser: Browser): Promise<Answer> =>
      rp.authorize(browser, { prompt: 'none' });

    /** What an answer changes of who is signed in: names of cookies. */
    const changes = ({ setCookies }: Answer): string[] =>
      setCookies
        .map((line) => line.slice(0, line.indexOf('=')))
        .filter((name) => /-(session|access|refresh)(\.sig)?$/.test(name));

    it('B-08 SEC-28 a refresh without a refresh cookie is refused, and the session of the pages stays', async () => {
      const browser = app.browser();
      codeOf(await signIn(browser, await rp.authorize(browser), await createUser(app)));
      const session = await browser.cookie('authsrv-session');
      const refused = await browser.request('/auth/refresh', { method: 'POST' });
      expect(refused.status).to.equal(401);
      expect(refused.setCookies).to.deep.equal([]);
      expect(await browser.cookie('authsrv-session')).to.equal(session);
      codeOf(await silently(browser));
      codeOf(await rp.authorize(browser));
    });

    it('B-08 SEC-28 every refusal of the cookies of before leaves those of the new sign-in alone', async () => {
      const user = await createUser(app);
      const browser = await signedInBrowser(app, user);
      codeOf(await rp.authorize(browser));
      const signOut = await browser.request('/oidc/logout');
      const xsrf = /name="xsrf" value="([^"]+)"/.exec(signOut.text)?.[1] ?? '';
      const cookie = await browser.jar.getCookieString(`${app.issuer}/auth/refresh`);
      const waiting = await rp.authorize(browser, { prompt: 'login' });
      const csrf = /name="_csrf" value="([^"]+)"/.exec(waiting.text)?.[1] ?? '';
      const interaction = await browser.jar.getCookieString(`${waiting.url}/login`);
      expect((await browser.request('/auth/logout', { method: 'POST' })).status).to.equal(204);
      await login(browser, user);
      const same = { 'sec-fetch-site': 'same-origin' };
      const late = (
        path: string,
        options: { method?: string; json?: object; form?: Record<string, string> } = {},
        sent = cookie,
      ) =>
        app
          .browser()
          .request(path, { ...options, headers: { ...same, cookie: sent }, anonymous: true });
      const password = PASSWORD;
      const answers: Record<string, [number, Promise<Answer>]> = {
        refresh: [401, late('/auth/refresh', { method: 'POST' })],
        me: [401, late('/auth/me')],
        profile: [401, late('/auth/me', { method: 'PATCH', json: { name: 'x' } })],
        export: [401, late('/auth/me/export')],
        deletion: [401, late('/auth/me', { method: 'DELETE' })],
        proof: [401, late('/auth/reauthenticate', { json: { password } })],
        password: [
          401,
          late('/auth/password', {
            method: 'PUT',
            json: { current_password: password, new_password: 'nine loud ravens dive' },
          }),
        ],
        sessions: [401, late('/auth/sessions')],
        'end of others': [401, late('/auth/sessions', { method: 'DELETE' })],
        login: [401, late('/auth/login', { json: { email: user.email, password: 'wrong' } })],
        verification: [401, late('/auth/email/verify')],
        'silent request': [303, late(rp.authorizationUrl({ prompt: 'none' }))],
        request: [303, late(rp.authorizationUrl())],
        'confirmed sign-out': [
          400,
          late('/oidc/logout/confirm', { form: { xsrf, logout: 'yes' } }),
        ],
        'declined sign-out': [400, late('/oidc/logout/confirm', { form: { xsrf } })],
        userinfo: [401, late('/oidc/userinfo')],
        callback: [404, late('/oauth2/nobody/callback?state=x&code=y')],
        'expired interaction': [403, late('/interaction/unknown/login', { form: { _csrf: csrf } })],
        'step of an interaction': [
          400,
          late(
            `${waiting.url}/login`,
            { form: { _csrf: csrf, email: user.email, password: 'wrong' } },
            interaction,
          ),
        ],
        'resumed request': [400, late(waiting.url.replace('/interaction/', '/oidc/authorize/'))],
      };
      const seen: Record<string, unknown> = {};
      for (const [name, [, answer]] of Object.entries(answers)) {
        seen[name] = [(await answer).status, changes(await answer)];
      }
      const expected = Object.entries(answers).map(([name, [status]]) => [name, [status, []]]);
      expect(seen).to.deep.equal(Object.fromEntries(expected));
      expect(errorOf(await (answers['silent request']?.[1] as Promise<Answer>))).to.equal(
        'login_required',
      );
      expect((await browser.request('/auth/me')).status).to.equal(200);
      codeOf(await silently(browser));
      expect((await browser.request('/auth/refresh', { method: 'POST' })).status).to.equal(200);
    });

    it('B-08 SEC-26 an authorization request leaves a session of nobody where it is, and signs in under another id', async () => {
      const browser = app.browser();
      await browser.request('/oidc/logout');
      const anonymous = await browser.cookie('authsrv-session');
      expect(anonymous).to.match(/^[\w-]{20,}$/);
      const silent = await browser.request(rp.authorizationUrl({ prompt: 'none' }));
      expect(changes(silent)).to.deep.equal([]);
      const page = await rp.authorize(browser);
      expect(await browser.cookie('authsrv-session')).to.equal(anonymous);
      codeOf(await signIn(browser, page, await createUser(app)));
      expect(await browser.cookie('authsrv-session')).not.to.equal(anonymous);
      codeOf(await silently(browser));
    });
  });
}
