/** What is under way while credentials change, or cookies are renewed, gives nobody anything that works (D4, I2). */
import { expect } from 'chai';
import { Consents } from '../../../src/plugins/consent/contract.ts';
import type { Answer, Browser } from '../../support/browser.ts';
import { codeMailedTo } from '../../support/mailed-links.ts';
import { createUser, login, PASSWORD, signedInBrowser } from '../../support/people.ts';
import { codeOf, createRelyingParty, errorOf } from '../../support/relying-party.ts';
import { createStatementHooks, type StatementHooks } from '../../support/statement-hooks.ts';
import { copyOf } from '../../support/stolen-cookies.ts';
import { startTestApp, storeKinds, type TestApp } from '../../support/test-app.ts';

const NEXT = 'eight loud ravens dive';
const LAST = 'two grey swans waiting';

for (const store of storeKinds) {
  describe(`racing a change of credentials (D4, I2), state store on ${store}`, () => {
    let app: TestApp;
    let hooks: StatementHooks;
    let rp: Awaited<ReturnType<typeof createRelyingParty>>;
    before(async () => {
      hooks = createStatementHooks();
      app = await startTestApp({ store, wrapStorage: hooks.wrap });
      rp = await createRelyingParty(app);
    });
    after(() => app.close());

    const change = (browser: Browser, current = PASSWORD, next = NEXT): Promise<Answer> =>
      browser.request('/auth/password', {
        method: 'PUT',
        json: { current_password: current, new_password: next },
      });
    const refresh = (browser: Browser) => browser.request('/auth/refresh', { method: 'POST' });
    const me = async (browser: Browser) => (await browser.request('/auth/me')).status;
    const silently = (browser: Browser) => rp.authorize(browser, { prompt: 'none' });
    const signedIn = async () => {
      const user = await createUser(app);
      const browser = await signedInBrowser(app, user);
      return { user, browser, thief: await copyOf(app, browser) };
    };
    const expectNothing = async (browser: Browser): Promise<void> => {
      expect(errorOf(await silently(browser))).to.equal('login_required');
      expect(await me(browser)).to.equal(401);
      expect((await refresh(browser)).status).to.equal(401);
    };
    const expectSignedIn = async (browser: Browser): Promise<void> => {
      codeOf(await silently(browser));
      expect([await me(browser), (await refresh(browser)).status]).to.deep.equal([200, 200]);
    };

    it('of two at once from two copies of a browser one wins, and the other copy has nothing', async () => {
      const { user, browser, thief } = await signedIn();
      const browsers = [browser, thief];
      const answers = await Promise.all(
        browsers.map((one, index) => change(one, PASSWORD, `${NEXT} ${index}`)),
      );
      const won = answers.findIndex(({ status }) => status === 204);
      expect(answers[1 - won]?.status).to.be.oneOf([401, 409]);
      await expectSignedIn(browsers[won] as Browser);
      await expectNothing(browsers[1 - won] as Browser);
      expect((await login(app.browser(), user, `${NEXT} ${won}`)).status).to.equal(200);
    });

    it('a change that comes before the first one has its new session leaves it none', async () => {
      const { user, browser } = await signedIn();
      const held = hooks.hold('before', 'sessions-insert');
      const first = change(browser);
      await held.reached;
      const other = await signedInBrowser(app, user).catch(() => undefined);
      expect(other, 'the password is another').to.equal(undefined);
      const second = app.browser();
      expect((await login(second, user, NEXT)).status).to.equal(200);
      expect((await change(second, NEXT, LAST)).status).to.equal(204);
      held.release();
      const answer = await first;
      expect(answer.status).to.equal(204);
      expect(await me(browser)).to.equal(401);
      expect(errorOf(await silently(browser))).to.equal('login_required');
      await expectSignedIn(second);
    });

    for (const moment of ['before', 'after'] as const) {
      it(`a refresh caught ${moment} its rotation leaves nothing that works`, async () => {
        const { browser, thief } = await signedIn();
        const hold = hooks.hold(moment, 'grants-rotate');
        const refreshing = refresh(thief);
        await hold.reached;
        expect((await change(browser)).status).to.equal(204);
        hold.release();
        expect((await refreshing).status).to.equal(moment === 'before' ? 401 : 200);
        await expectNothing(thief);
        await expectSignedIn(browser);
      });

      it(`a code caught ${moment} its redemption leaves nothing that works`, async () => {
        const { browser, thief } = await signedIn();
        const code = codeOf(await silently(thief));
        const hold = hooks.hold(moment, 'grants-redeem');
        const redeeming = rp.redeem(code);
        await hold.reached;
        expect((await change(browser)).status).to.equal(204);
        hold.release();
        const { status, body } = await redeeming;
        expect(status).to.equal(moment === 'before' ? 400 : 200);
        const headers = { authorization: `Bearer ${body.access_token ?? 'none'}` };
        const userinfo = await app.browser().request('/oidc/userinfo', { headers });
        expect(userinfo.status).to.equal(401);
        expect((await rp.refresh(body.refresh_token ?? 'none')).body.error).to.equal(
          'invalid_grant',
        );
      });

      it(`an authorization caught ${moment} its grant leaves no code and no session`, async () => {
        const { browser, thief } = await signedIn();
        const hold = hooks.hold(moment, 'grants-insert');
        const authorizing = silently(thief);
        await hold.reached;
        expect((await change(browser)).status).to.equal(204);
        hold.release();
        const code = (await authorizing).location?.searchParams.get('code');
        expect((await rp.redeem(code ?? 'none')).body.error).to.equal('invalid_grant');
        await expectNothing(thief);
        await expectSignedIn(browser);
      });
    }

    for (const moment of ['before', 'after'] as const) {
      it(`D18a a consent caught ${moment} it is written is forgotten at a reset`, async () => {
        const { user, browser } = await signedIn();
        const third = await createRelyingParty(app, { first_party: false });
        const page = await third.authorize(browser);
        const hold = hooks.hold(moment, 'consents-allow');
        const allowing = browser.submit(page, {}, ({ action }) => action.endsWith('/allow'));
        await hold.reached;
        await app.browser().request('/auth/password/forgot', { json: { email: user.email } });
        const json = { token: await codeMailedTo(app, user.email), new_password: NEXT };
        const reset = await app.browser().request('/auth/password/reset', { json });
        expect(reset.status).to.equal(204);
        hold.release();
        expect((await allowing).location?.searchParams.has('code') ?? false).to.equal(false);
        expect(await app.app.use(Consents).list(user.id)).to.deep.equal([]);
      });
    }

    it('D18a a consent that is written while a reset is about to end the session is forgotten with it', async () => {
      const { user, browser } = await signedIn();
      const third = await createRelyingParty(app, { first_party: false });
      const page = await third.authorize(browser);
      await app.browser().request('/auth/password/forgot', { json: { email: user.email } });
      const json = { token: await codeMailedTo(app, user.email), new_password: NEXT };
      const ending = hooks.hold('before', 'sessions-end-all');
      const resetting = app.browser().request('/auth/password/reset', { json });
      await ending.reached;
      await browser.submit(page, {}, ({ action }) => action.endsWith('/allow'));
      expect(await app.app.use(Consents).list(user.id)).to.have.lengthOf(1);
      ending.release();
      expect((await resetting).status).to.equal(204);
      expect(await app.app.use(Consents).list(user.id)).to.deep.equal([]);
    });

    it('a session that a copy is saving while its cookies are renewed stays the owner’s alone', async () => {
      const { browser, thief } = await signedIn();
      // It has found the session; what it saves comes after the renewal.
      const hold = hooks.hold('after', 'sessions-alive');
      const authorizing = silently(thief);
      await hold.reached;
      expect((await browser.request('/auth/sessions', { method: 'DELETE' })).status).to.equal(204);
      hold.release();
      await authorizing;
      await expectNothing(thief);
      await expectSignedIn(browser);
    });
  });
}
