/** SECRET_KEY is replaced: cookies that the former key signed go on, and are signed anew as they are used. */
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { parseSetCookie } from '../attacks/set-cookie.ts';
import type { Browser } from '../support/browser.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createUser, PASSWORD, signedInBrowser } from '../support/people.ts';
import { createRelyingParty, type RelyingParty } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

const [FORMER, NEWEST] = [randomBytes(32).toString('hex'), randomBytes(32).toString('hex')];
const HOST = 'https://auth.example.com';

describe('cookies of a former SECRET_KEY', () => {
  let database: TestDatabase;
  before(async () => {
    database = await createTestDatabase();
  });
  after(() => database.drop());

  /** The same installation, under this SECRET_KEY. */
  const withKeys = async <Result>(
    keys: string,
    use: (app: TestApp) => Promise<Result>,
  ): Promise<Result> => {
    const settings = { SECRET_KEY: keys };
    const app = await startTestApp({ database, origin: HOST, settings });
    try {
      return await use(app);
    } finally {
      await app.close();
    }
  };

  /** The same browser, at a server that was started again. */
  const again = async (app: TestApp, former: Browser): Promise<Browser> => {
    const browser = app.browser();
    for (const { key, value, path } of (await former.jar.serialize())?.cookies ?? []) {
      await browser.jar.setCookie(`${key}=${value}; Path=${path}; Secure`, `${HOST}${path}`);
    }
    return browser;
  };

  const silently = async (rp: RelyingParty, browser: Browser): Promise<boolean> =>
    (await rp.authorize(browser, { prompt: 'none' })).location?.searchParams.has('code') ?? false;

  it('B-05 B-04 keep their lifetimes, none is signed without one, and who comes meanwhile stays signed in', async () => {
    const before = await withKeys(FORMER, async (app) => {
      const [user, rp] = [await createUser(app), await createRelyingParty(app)];
      const visitor = app.browser();
      const page = await rp.authorize(visitor);
      return { user, rp, visitor, page, owner: await signedInBrowser(app, user) };
    });
    const { user, rp, page } = before;
    const owner = await withKeys(`${NEWEST},${FORMER}`, async (app) => {
      const [browser, visitor] = [await again(app, before.owner), await again(app, before.visitor)];
      const refreshed = await browser.request('/auth/refresh', { method: 'POST' });
      expect(refreshed.status).to.equal(200);
      const other = await again(app, before.owner);
      const answers = [
        await other.request(rp.authorizationUrl({ prompt: 'none' })),
        await other.request('/auth/logout', { method: 'GET' }),
        await other.request('/auth/password/forgot', { headers: { accept: 'text/html' } }),
        await visitor.request(page.url, { headers: { accept: 'text/html' } }),
        refreshed,
      ];
      for (const line of answers.flatMap(({ setCookies }) => setCookies)) {
        expect(parseSetCookie(line).attributes, line).to.have.property('max-age');
      }
      const signedIn = await visitor.submit(page, { email: user.email, password: PASSWORD });
      expect(signedIn.location?.searchParams.has('code')).to.equal(true);
      return browser;
    });
    await withKeys(NEWEST, async (app) => {
      const browser = await again(app, owner);
      expect(await silently(rp, browser)).to.equal(true);
      expect((await browser.request('/auth/refresh', { method: 'POST' })).status).to.equal(200);
      const stayedAway = await again(app, before.owner);
      expect(await silently(rp, stayedAway)).to.equal(false);
    });
  });
});
