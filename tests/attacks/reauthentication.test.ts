/** prompt, max_age and hints are obeyed, and no two people ever share a session (OIDC Core §3.1.2.1). */
import { mock } from 'node:test';
import { expect } from 'chai';
import { decodeJwt } from 'jose';
import type { User } from '../../src/plugins/users/contract.ts';
import { type Answer, type Browser, forms } from '../support/browser.ts';
import { createUser, login, PASSWORD, signedInBrowser, signIn } from '../support/people.ts';
import {
  codeOf,
  createRelyingParty,
  errorOf,
  type RelyingParty,
} from '../support/relying-party.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';

const isSignInPage = (page: Answer): boolean =>
  page.status === 200 && forms(page).some(({ fields }) => 'password' in fields);

for (const store of storeKinds) {
  describe(`reauthentication, state store on ${store}`, () => {
    let app: TestApp;
    let rp: RelyingParty;
    let user: User;
    let browser: Browser;

    before(async () => {
      app = await startTestApp({ store });
      rp = await createRelyingParty(app);
    });
    beforeEach(async () => {
      user = await createUser(app);
      browser = await signedInBrowser(app, user);
    });
    afterEach(() => mock.timers.reset());
    after(() => app.close());

    const tokensOf = async (answer: Answer) => {
      const { body } = await rp.redeem(codeOf(answer));
      return {
        access: decodeJwt(body.access_token ?? ''),
        id: decodeJwt(body.id_token ?? ''),
        idToken: body.id_token ?? '',
        accessToken: body.access_token ?? '',
        refreshToken: body.refresh_token ?? '',
      };
    };
    const userinfo = async (token: string) =>
      app.browser().request('/oidc/userinfo', { headers: { authorization: `Bearer ${token}` } });

    describe('prompt=none', () => {
      it('SEC-62: shows no page and says login_required to a stranger', async () => {
        const answer = await rp.authorize(app.browser(), { prompt: 'none' });
        expect(errorOf(answer)).to.equal('login_required');
      });

      for (const prompt of ['none login', 'none consent', 'none select_account', 'none none x']) {
        it(`SEC-62: "${prompt}" is an invalid request`, async () => {
          expect(errorOf(await rp.authorize(browser, { prompt }))).to.equal('invalid_request');
        });
      }

      it('SEC-62: an unknown prompt is an invalid request', async () => {
        for (const prompt of ['nonsense', 'NONE', '__proto__', 'create']) {
          const error = errorOf(await rp.authorize(browser, { prompt }));
          expect(error, prompt).to.equal('invalid_request');
        }
      });
    });

    describe('prompt=login and max_age', () => {
      const stale: Record<string, Record<string, string>> = {
        'prompt=login': { prompt: 'login' },
        'max_age=0': { max_age: '0' },
      };
      for (const [name, params] of Object.entries(stale)) {
        it(`SEC-62: ${name} asks for the password although somebody is signed in`, async () => {
          const page = await rp.authorize(browser, params);
          expect(isSignInPage(page)).to.equal(true);
          expect(page.text).to.contain(user.email);
          codeOf(await browser.submit(page, { password: PASSWORD }));
        });
      }

      it('SEC-62: max_age asks once the sign-in is older, and not before', async () => {
        codeOf(await rp.authorize(browser, { max_age: '60' }));
        mock.timers.enable({ apis: ['Date'], now: Date.now() + 61_000 });
        const silent = await rp.authorize(browser, { max_age: '60', prompt: 'none' });
        expect(errorOf(silent)).to.equal('login_required');
        expect(isSignInPage(await rp.authorize(browser, { max_age: '60' }))).to.equal(true);
        codeOf(await rp.authorize(browser, { max_age: '120' }));
      });

      for (const max_age of ['-1', '1.5', 'abc', '1e999', '9007199254740993']) {
        it(`SEC-62: max_age=${max_age} is an invalid request`, async () => {
          const error = errorOf(await rp.authorize(browser, { max_age }));
          expect(error).to.equal('invalid_request');
        });
      }

      it('SEC-62: the wrong password, and the password of another, prove nothing', async () => {
        const page = await rp.authorize(browser, { prompt: 'login' });
        const again = await browser.submit(page, { password: 'not the password' });
        expect(again.status).to.equal(401);
        const other = await createUser(app);
        const wrong = { email: other.email, password: 'not the password' };
        expect((await browser.submit(again, wrong)).status).to.equal(401);
      });

      it('SEC-62: auth_time is that of the new proof, and the session is the same', async () => {
        const first = await tokensOf(await rp.authorize(browser, { max_age: '3600' }));
        mock.timers.enable({ apis: ['Date'], now: Date.now() + 5_000 });
        const page = await rp.authorize(browser, { prompt: 'login', max_age: '3600' });
        const second = await tokensOf(await browser.submit(page, { password: PASSWORD }));
        expect(second.id['auth_time']).to.be.at.least(Number(first.id['auth_time']) + 5);
        expect(second.access['sid']).to.equal(first.access['sid']);
        expect(second.id.sub).to.equal(user.id);
      });

      it('SEC-62: a new proof at one client does not help where it is asked again', async () => {
        const page = await rp.authorize(browser, { prompt: 'login' });
        codeOf(await browser.submit(page, { password: PASSWORD }));
        expect(isSignInPage(await rp.authorize(browser, { prompt: 'login' }))).to.equal(true);
      });
    });

    describe('hints', () => {
      it('SEC-62: id_token_hint of somebody else ends in login_required, never in their tokens', async () => {
        const other = await createUser(app);
        const theirs = await signedInBrowser(app, other);
        const { idToken } = await tokensOf(await rp.authorize(theirs));
        const hint = { id_token_hint: idToken };
        const silent = await rp.authorize(browser, { ...hint, prompt: 'none' });
        expect(errorOf(silent)).to.equal('login_required');
        expect(isSignInPage(await rp.authorize(browser, hint))).to.equal(true);
        codeOf(await rp.authorize(theirs, { ...hint, prompt: 'none' }));
      });

      it('SEC-62: signing in as another than the hint asks for gives no code', async () => {
        const other = await createUser(app);
        const theirs = await signedInBrowser(app, other);
        const { idToken } = await tokensOf(await rp.authorize(theirs));
        const stranger = app.browser();
        const page = await rp.authorize(stranger, { id_token_hint: idToken });
        const answer = await signIn(stranger, page, user);
        expect(answer.location?.searchParams.has('code') ?? false).to.equal(false);
        expect(isSignInPage(answer)).to.equal(true);
        const { id } = await tokensOf(await signIn(stranger, answer, other));
        expect(id.sub).to.equal(other.id);
      });

      it('SEC-62: a hint that is no ID token of ours for this client is refused', async () => {
        const { idToken, accessToken } = await tokensOf(await rp.authorize(browser));
        const other = await createRelyingParty(app);
        const elsewhere = await other.redeem(codeOf(await other.authorize(browser)));
        const [header, payload] = idToken.split('.');
        for (const id_token_hint of [
          'a.b.c',
          'x',
          `${header}.${payload}.`,
          `eyJhbGciOiJub25lIn0.${payload}.`,
          accessToken,
          elsewhere.body.id_token ?? '',
        ]) {
          const answer = await rp.authorize(browser, { id_token_hint, prompt: 'none' });
          expect(errorOf(answer), id_token_hint.slice(0, 20)).to.equal('invalid_request');
        }
      });

      it('SEC-62: login_hint fills the form and decides nothing', async () => {
        const page = await rp.authorize(app.browser(), { login_hint: 'someone@example.com' });
        expect(forms(page)[0]?.fields['email']).to.equal('someone@example.com');
        const known = await rp.authorize(app.browser(), { login_hint: user.email });
        const unknown = await rp.authorize(app.browser(), { login_hint: `x${user.email}` });
        const shape = ({ text }: Answer) =>
          text.replaceAll(/value="[^"]*"/g, '').replaceAll(/\/interaction\/[\w-]+/g, '');
        expect(shape(known)).to.equal(shape(unknown));
      });
    });

    describe('another person signs in', () => {
      const ways: Record<string, (page: Answer, next: User) => Promise<Answer>> = {
        'on the page that asks for the password again': async (page, next) => {
          const other = /href="([^"]*\/other)"/.exec(page.text)?.[1] ?? '';
          return signIn(browser, await browser.open(new URL(other, page.url).href), next);
        },
        'by posting another e-mail to the step': async (page, next) =>
          browser.follow(
            await browser.request(`${page.url}/login`, {
              form: {
                _csrf: forms(page)[0]?.fields['_csrf'] ?? '',
                email: next.email,
                password: PASSWORD,
              },
              headers: { 'sec-fetch-site': 'same-origin' },
            }),
          ),
        'in another tab, through the REST API': async (page, next) => {
          expect((await login(browser, next)).status).to.equal(200);
          return browser.submit(page, { password: PASSWORD });
        },
      };

      for (const [name, switchTo] of Object.entries(ways)) {
        it(`SEC-62 Keycloak GHSA-c9h6-v78w-52wj: ${name}: no sid holds both`, async () => {
          const first = await tokensOf(await rp.authorize(browser));
          const next = await createUser(app);
          const page = await rp.authorize(browser, { prompt: 'login' });
          const answer = await switchTo(page, next);
          const code = answer.location?.searchParams.get('code');
          const second = await tokensOf(code ? answer : await rp.authorize(browser));
          expect(second.id.sub).to.equal(next.id);
          expect(second.access.sub).to.equal(next.id);
          expect(second.access['sid']).not.to.equal(first.access['sid']);
          expect((await userinfo(second.accessToken)).json()['sub']).to.equal(next.id);
          // The first person's session ended with the switch, and with it what it gave.
          expect((await rp.refresh(first.refreshToken)).body.error).to.equal('invalid_grant');
          expect((await userinfo(first.accessToken)).status).to.equal(401);
          const { rows } = await sessions(user.id);
          expect(rows).to.equal(0);
        });
      }

      const sessions = async (userId: string) => {
        const [result] = await app.database.database.orm.query(
          'SELECT count(*)::int AS rows FROM sessions WHERE user_id = :userId AND ended_at IS NULL',
          { replacements: { userId } },
        );
        return (result as { rows: number }[])[0] ?? { rows: -1 };
      };

      it('SEC-62 Keycloak CVE-2025-12390: after a logout without cookies the next person is alone', async () => {
        const first = await tokensOf(await rp.authorize(browser));
        const access = (await browser.cookie('authsrv-access')) ?? '';
        const bare = await app.browser().request('/auth/logout', {
          method: 'POST',
          headers: { cookie: `authsrv-access=${access}` },
        });
        expect(bare.status).to.equal(204);
        const next = await createUser(app);
        const answer = await signIn(browser, await rp.authorize(browser), next);
        const second = await tokensOf(answer);
        expect(second.id.sub).to.equal(next.id);
        expect(second.access['sid']).not.to.equal(first.access['sid']);
        expect((await rp.refresh(first.refreshToken)).body.error).to.equal('invalid_grant');
      });

      it('SEC-62: a session that ended while its page was open proves nothing', async () => {
        const page = await rp.authorize(browser, { prompt: 'login' });
        expect((await browser.request('/auth/logout', { method: 'POST' })).status).to.equal(204);
        const answer = await browser.submit(page, { password: PASSWORD });
        expect(answer.location?.searchParams.has('code') ?? false).to.equal(false);
        const silent = await rp.authorize(browser, { prompt: 'none' });
        expect(errorOf(silent)).to.equal('login_required');
      });
    });
  });
}
