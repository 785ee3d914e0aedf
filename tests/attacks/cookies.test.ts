import { expect } from 'chai';
import type { Answer, Browser } from '../support/browser.ts';
import { createUser, login, signIn } from '../support/people.ts';
import { createRelyingParty } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { basePath } from './base-path.ts';
import { cookiesOf, isDeletion, parseSetCookie, type SetCookie } from './set-cookie.ts';

const DAY = 86_400;

interface Origin {
  readonly name: string;
  readonly options: Parameters<typeof startTestApp>[0];
  /** Prefixes of cookies for the whole host and of those bound to a path. */
  readonly host: string;
  readonly bound: string;
  readonly secure: boolean;
}

const ORIGINS: readonly Origin[] = [
  {
    name: 'https',
    options: { origin: 'https://auth.example.com' },
    host: '__Host-',
    bound: '__Secure-',
    secure: true,
  },
  {
    name: 'https under a path',
    options: { origin: 'https://example.com', path: '/id' },
    host: '__Host-',
    bound: '__Secure-',
    secure: true,
  },
  { name: 'http', options: {}, host: 'authsrv-', bound: 'authsrv-', secure: false },
];

/** All attributes but `Expires` and `Max-Age`, as text: `httponly path=/ samesite=lax`. */
const attributesOf = ({
  attributes: { expires: _, 'max-age': _seconds, ...fixed },
}: SetCookie): string =>
  Object.entries(fixed)
    .map(([name, value]) => (value === '' ? name : `${name}=${value}`))
    .sort()
    .join(' ');

const shown = (answer: Answer): Record<string, string> =>
  Object.fromEntries([...cookiesOf(answer)].map(([name, cookie]) => [name, attributesOf(cookie)]));

for (const { name, options, host, bound, secure } of ORIGINS) {
  describe(`cookies over ${name}`, () => {
    let app: TestApp;
    let browser: Browser;
    let base: string;

    before(async () => {
      app = await startTestApp(options);
      base = basePath(app);
    });
    after(() => app.close());
    beforeEach(() => {
      browser = app.browser();
    });

    /** The one right set of attributes of a cookie with this path. */
    const expected = (path: string, sameSite = 'lax'): string =>
      ['httponly', `path=${path}`, `samesite=${sameSite}`, ...(secure ? ['secure'] : [])].join(' ');

    const ours = (): Record<string, string> => ({
      [`${host}session`]: expected('/'),
      [`${host}session.sig`]: expected('/'),
      [`${host}access`]: expected('/'),
      [`${bound}refresh`]: expected(`${base}/auth/refresh`, 'strict'),
    });

    /** … and what a sign-in sets besides: it outlives the sign-out (D5). */
    const known = (): Record<string, string> => ({
      [`${host}known`]: expected('/'),
      [`${host}known.sig`]: expected('/'),
    });

    it('SEC-25 sign-in sets exactly ours, with exactly these attributes and no Domain', async () => {
      const answer = await login(browser, await createUser(app));
      expect(shown(answer)).to.deep.equal({ ...ours(), ...known() });
    });

    it('SEC-25 refresh sets the same ones', async () => {
      await login(browser, await createUser(app));
      const answer = await browser.request('/auth/refresh', { method: 'POST' });
      expect(answer.status).to.equal(200);
      expect(shown(answer)).to.deep.equal(ours());
    });

    it('SEC-25 cookies end with what they carry', async () => {
      const answer = await login(browser, await createUser(app));
      const cookies = cookiesOf(answer);
      const seconds = (cookie: string): number => {
        const expires = cookies.get(cookie)?.attributes['expires'];
        return (Date.parse(expires ?? '') - Date.now()) / 1000;
      };
      expect(seconds(`${host}session`)).to.be.closeTo(14 * DAY, 30);
      expect(seconds(`${host}access`)).to.be.closeTo(600, 30);
      expect(seconds(`${bound}refresh`)).to.be.closeTo(30 * DAY, 30);
      expect(seconds(`${host}known`)).to.be.closeTo(400 * DAY, 30);
    });

    it('SEC-25 interaction cookies are bound to the paths of one authorization request', async () => {
      const rp = await createRelyingParty(app);
      const started = await browser.request(rp.authorizationUrl());
      const uid = started.location?.pathname.split('/').at(-1) ?? '';
      expect(uid).to.match(/^[\w-]{21,}$/);
      expect(shown(started)).to.deep.equal({
        [`${bound}interaction`]: expected(`${base}/interaction/${uid}`),
        [`${bound}interaction.sig`]: expected(`${base}/interaction/${uid}`),
        [`${bound}resume`]: expected(`${base}/oidc/authorize/${uid}`),
        [`${bound}resume.sig`]: expected(`${base}/oidc/authorize/${uid}`),
      });
    });

    it('SEC-25 signing in on the hosted page sets the session cookie, and the one that knows the browser', async () => {
      const rp = await createRelyingParty(app);
      const page = await rp.authorize(browser);
      const user = await createUser(app);
      await signIn(browser, page, user);
      const { cookies } = browser.jar.serializeSync() ?? { cookies: [] };
      const names = cookies.map(({ key }) => key);
      expect(names).to.include(`${host}session`).and.include(`${host}known`);
      expect(names).not.to.include(`${host}access`);
      expect(names).not.to.include(`${bound}refresh`);
    });

    it('SEC-28 tokens are in no body and no URL', async () => {
      const user = await createUser(app);
      const signedIn = await login(browser, user);
      const refreshed = await browser.request('/auth/refresh', { method: 'POST' });
      const answers = [signedIn, refreshed, await browser.request('/auth/me')];
      const secrets = [signedIn, refreshed].flatMap((answer) =>
        [...cookiesOf(answer).values()].map(({ value }) => value),
      );
      expect(secrets).to.have.lengthOf(10);
      for (const answer of answers) {
        expect(answer.status).to.equal(200);
        expect(answer.location).to.equal(undefined);
        for (const secret of secrets) expect(answer.text).not.to.include(secret);
        expect(answer.text).not.to.match(/eyJ/);
      }
    });

    it('B-14 SEC-28 logout deletes those of the session by name, with identical attributes, and clears nothing else', async () => {
      await login(browser, await createUser(app));
      const answer = await browser.request('/auth/logout', { method: 'POST' });
      expect(answer.status).to.equal(204);
      expect(shown(answer)).to.deep.equal(ours());
      for (const cookie of answer.setCookies.map(parseSetCookie)) {
        expect(isDeletion(cookie), cookie.name).to.equal(true);
      }
      expect(answer.headers.get('clear-site-data')).to.equal(null);
      const left = (await browser.jar.getCookies(`${app.issuer}/auth/refresh`)).map(
        ({ key }) => key,
      );
      expect(left.toSorted()).to.deep.equal(Object.keys(known()));
    });

    it('B-08 SEC-28 a refused refresh deletes none, whatever was sent', async () => {
      const refuse = async (cookie?: string): Promise<void> => {
        const headers = cookie === undefined ? {} : { cookie };
        const answer = await browser.request('/auth/refresh', { method: 'POST', headers });
        expect(answer.status).to.equal(401);
        expect(answer.setCookies).to.deep.equal([]);
      };
      await refuse();
      await login(browser, await createUser(app));
      const former = await browser.jar.getCookieString(`${app.issuer}/auth/refresh`);
      await refuse(former.replace(`${bound}refresh=`, 'x='));
      await refuse(former.replace(`${bound}refresh=`, `${bound}refresh=x`));
      await refuse(former.replace(`${host}session=`, 'x='));
      expect((await browser.request('/auth/logout', { method: 'POST' })).status).to.equal(204);
      await refuse(former);
    });

    it('SEC-27 X-Forwarded-Proto and -Host change neither names nor attributes', async () => {
      const user = await createUser(app);
      const rp = await createRelyingParty(app);
      for (const proto of ['http', 'https', 'https,http', 'HTTPS', 'wss']) {
        const headers = {
          'x-forwarded-proto': proto,
          'x-forwarded-ssl': proto === 'http' ? 'off' : 'on',
          'x-forwarded-host': 'evil.example.com',
          forwarded: `proto=${proto};host=evil.example.com`,
        };
        const json = { email: user.email, password: 'seven quiet herons fly' };
        const answer = await app.browser().request('/auth/login', { json, headers });
        expect(shown(answer), proto).to.deep.equal({ ...ours(), ...known() });
        const started = await app.browser().request(rp.authorizationUrl(), { headers });
        for (const cookie of started.setCookies.map(parseSetCookie)) {
          expect('secure' in cookie.attributes, `${cookie.name}, ${proto}`).to.equal(secure);
          expect(cookie.attributes).not.to.have.property('domain');
        }
      }
    });
  });
}
