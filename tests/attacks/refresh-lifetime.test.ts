import { mock } from 'node:test';
import { expect } from 'chai';
import { createUser, signedInBrowser } from '../support/people.ts';
import { codeOf, createRelyingParty } from '../support/relying-party.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';
import { decodeToken } from './forged-token.ts';

/** Seconds. */
const IDLE = 2000;
const ABSOLUTE = 2500;

for (const store of storeKinds) {
  describe(`lifetime of refresh tokens, state store on ${store}`, () => {
    let app: TestApp;

    before(async () => {
      app = await startTestApp({
        store,
        settings: {
          REFRESH_TOKEN_TTL: String(IDLE),
          SESSION_TTL: String(ABSOLUTE),
          SESSION_IDLE_TTL: String(ABSOLUTE),
        },
      });
    });
    after(() => app.close());
    afterEach(() => mock.timers.reset());

    /** Moves the clock of this process on; PostgreSQL and Redis keep theirs. */
    function pass(seconds: number): void {
      const now = Date.now() + seconds * 1000;
      mock.timers.reset();
      mock.timers.enable({ apis: ['Date'], now });
    }

    /** Makes everything of a user older, where PostgreSQL's clock decides. */
    async function age(userId: string, seconds: number): Promise<void> {
      const by = `interval '${seconds} s'`;
      await app.storage.db.orm.query(
        `UPDATE grants SET created_at = created_at - ${by}, expires_at = expires_at - ${by},
          rotated_at = rotated_at - ${by} WHERE user_id = '${userId}'`,
      );
    }

    const refreshed = async (browser: ReturnType<TestApp['browser']>): Promise<number> =>
      (await browser.request('/auth/refresh', { method: 'POST' })).status;

    it('SEC-48 cookie: unused for REFRESH_TOKEN_TTL it is dead, a moment before it is not', async () => {
      const early = await signedInBrowser(app, await createUser(app));
      const late = await signedInBrowser(app, await createUser(app));
      const cookie = (await late.jar.getCookieString(`${app.issuer}/auth/refresh`)) ?? '';
      pass(IDLE - 5);
      expect(await refreshed(early)).to.equal(200);
      pass(6);
      // As a thief would: the browser itself has dropped it by now.
      const stolen = await app.browser().request('/auth/refresh', {
        method: 'POST',
        headers: { cookie },
        anonymous: true,
      });
      expect(stolen.status).to.equal(401);
    });

    it('SEC-48 cookie: sliding never goes past SESSION_TTL after the sign-in', async () => {
      const user = await createUser(app);
      const browser = await signedInBrowser(app, user);
      const started = Math.floor(Date.now() / 1000);
      const left = async (): Promise<number> => {
        const { exp } = decodeToken((await browser.cookie('authsrv-refresh')) ?? '').claims;
        return Number(exp) - started;
      };
      expect(await left()).to.be.closeTo(IDLE, 5);
      await age(user.id, 400);
      expect(await refreshed(browser)).to.equal(200);
      expect(await left(), 'slides').to.be.closeTo(IDLE, 5);
      await age(user.id, 1000);
      expect(await refreshed(browser)).to.equal(200);
      expect(await left(), 'but not past the end').to.be.closeTo(ABSOLUTE - 1400, 5);
      await age(user.id, 1000);
      expect(await refreshed(browser)).to.equal(200);
      expect(await left()).to.be.closeTo(ABSOLUTE - 2400, 5);
      await age(user.id, 101);
      expect(await refreshed(browser)).to.equal(401);
    });

    it('SEC-48 cookie: nobody is signed in any more when SESSION_TTL is over, session cookie or not', async () => {
      const rp = await createRelyingParty(app);
      const user = await createUser(app);
      const browser = await signedInBrowser(app, user);
      codeOf(await rp.authorize(browser, { prompt: 'none' }));
      await app.storage.db.orm.query(
        `UPDATE sessions SET created_at = created_at - interval '${ABSOLUTE + 1} s' WHERE user_id = '${user.id}'`,
      );
      const answer = await rp.authorize(browser, { prompt: 'none' });
      expect(answer.location?.searchParams.get('error')).to.equal('login_required');
    });

    it('SEC-48 /oidc/token: unused for REFRESH_TOKEN_TTL it is dead, a moment before it is not', async () => {
      const rp = await createRelyingParty(app);
      const browser = await signedInBrowser(app, await createUser(app));
      const early = (await rp.redeem(codeOf(await rp.authorize(browser)))).body.refresh_token ?? '';
      const late = (await rp.redeem(codeOf(await rp.authorize(browser)))).body.refresh_token ?? '';
      pass(IDLE - 5);
      expect((await rp.refresh(early)).status).to.equal(200);
      pass(6);
      expect((await rp.refresh(late)).body.error).to.equal('invalid_grant');
    });

    it('SEC-48 /oidc/token: sliding never goes past SESSION_TTL after the authorization', async () => {
      const rp = await createRelyingParty(app);
      const browser = await signedInBrowser(app, await createUser(app));
      let token = (await rp.redeem(codeOf(await rp.authorize(browser)))).body.refresh_token ?? '';
      for (const seconds of [1000, 1000, 490]) {
        pass(seconds);
        const { status, body } = await rp.refresh(token);
        expect(status, `after ${seconds} more`).to.equal(200);
        token = body.refresh_token ?? '';
      }
      pass(11);
      expect((await rp.refresh(token)).body.error).to.equal('invalid_grant');
    });
  });
}

for (const store of storeKinds) {
  describe(`idle sessions, state store on ${store}`, () => {
    const SESSION_IDLE = 600;
    let app: TestApp;
    before(async () => {
      app = await startTestApp({ store, settings: { SESSION_IDLE_TTL: String(SESSION_IDLE) } });
    });
    after(() => app.close());
    afterEach(() => mock.timers.reset());

    const refreshAfter = async (browser: ReturnType<TestApp['browser']>, seconds: number) => {
      const now = Date.now() + seconds * 1000;
      mock.timers.reset();
      mock.timers.enable({ apis: ['Date'], now });
      return (await browser.request('/auth/refresh', { method: 'POST' })).status;
    };

    it('SEC-48 cookie: a session unused for SESSION_IDLE_TTL is not refreshed, a used one goes on', async () => {
      const used = await signedInBrowser(app, await createUser(app));
      const unused = await signedInBrowser(app, await createUser(app));
      expect(await refreshAfter(used, SESSION_IDLE - 10)).to.equal(200);
      expect(await refreshAfter(used, SESSION_IDLE - 10)).to.equal(200);
      expect(await refreshAfter(unused, 0)).to.equal(401);
    });
  });
}
