import { expect } from 'chai';
import { ageRotations } from '../support/ageing.ts';
import { forms } from '../support/browser.ts';
import { meAt, refreshAt, tokensOf, userinfoAt } from '../support/cookie-api.ts';
import { type LosableState, startOnLosableState } from '../support/losable-state.ts';
import { ISSUER } from '../support/nodes.ts';
import { login } from '../support/people.ts';
import { codeOf, errorOf } from '../support/relying-party.ts';
import { type SignedIn, signInWithClient } from '../support/signed-in.ts';
import { anotherNode, storeKinds, type TestApp } from '../support/test-app.ts';

/** Seconds: later than the same-answer window. */
const LATE = 11;

for (const store of storeKinds) {
  describe(`the state store lost its latest writes (SEC-47, CVE-2026-9802, I1, I2): ${store}`, () => {
    let state: LosableState;
    let app: TestApp;

    before(async function () {
      this.timeout(60_000);
      const started = await startOnLosableState(store, ISSUER);
      if (!started) return this.skip();
      state = started;
      app = state.app;
    });
    after(() => state?.close());

    const signedIn = () => signInWithClient(app);

    /** Nothing that the person held lets anybody in, on this node and on one that starts now. */
    const expectSignedOut = async ({ browser, cookies, rp, oidc }: SignedIn): Promise<void> => {
      const restarted = await anotherNode(app);
      try {
        for (const node of [app, restarted]) {
          expect((await refreshAt(node, cookies.refresh)).status).to.equal(401);
          expect((await meAt(node, cookies.access)).status).to.equal(401);
          expect((await rp.refresh(oidc.refresh, {}, node)).body.error).to.equal('invalid_grant');
          expect((await userinfoAt(node, oidc.access)).status).to.equal(401);
        }
        const answer = await rp.authorize(browser, { prompt: 'none' });
        expect(errorOf(answer)).to.equal('login_required');
        const [form] = forms(await rp.authorize(browser));
        expect(form?.fields).to.include.keys('email', 'password');
      } finally {
        await restarted.close();
      }
    };

    it('refuses a cookie token that was used before the loss, once the window is over', async () => {
      const person = await signedIn();
      await state.snapshot();
      const successor = tokensOf(await refreshAt(app, person.cookies.refresh));
      await state.restore();
      await ageRotations(app, person.user.id, LATE);
      expect((await refreshAt(app, person.cookies.refresh)).status).to.equal(401);
      await expectSignedOut(person);
      expect((await refreshAt(app, successor.refresh)).status).to.equal(401);
    });

    it('gives a cookie token within the window its one successor, which works', async () => {
      const { cookies } = await signedIn();
      await state.snapshot();
      const successor = tokensOf(await refreshAt(app, cookies.refresh));
      await state.restore();
      const again = tokensOf(await refreshAt(app, cookies.refresh));
      expect(again.refresh).to.equal(successor.refresh);
      expect((await refreshAt(app, successor.refresh)).status).to.equal(200);
    });

    it('refuses a client’s token that was used before the loss, and ends its family', async () => {
      const person = await signedIn();
      await state.snapshot();
      const { body } = await person.rp.refresh(person.oidc.refresh);
      await state.restore();
      await ageRotations(app, person.user.id, LATE);
      const replay = await person.rp.refresh(person.oidc.refresh);
      expect(replay.body.error).to.equal('invalid_grant');
      await expectSignedOut(person);
      const next = await person.rp.refresh(body.refresh_token ?? '');
      expect(next.body.error).to.equal('invalid_grant');
    });

    it('gives a client’s token within the window no second success, and the user may go on', async () => {
      const { browser, rp, oidc } = await signedIn();
      await state.snapshot();
      expect((await rp.refresh(oidc.refresh)).status).to.equal(200);
      await state.restore();
      expect((await rp.refresh(oidc.refresh)).body.error).to.equal('invalid_grant');
      const answer = await rp.authorize(browser, { prompt: 'none' });
      expect((await rp.redeem(codeOf(answer))).status).to.equal(200);
    });

    it('refuses a code that was redeemed before the loss (SEC-55)', async () => {
      const { browser, rp } = await signedIn();
      const code = codeOf(await rp.authorize(browser));
      await state.snapshot();
      expect((await rp.redeem(code)).status).to.equal(200);
      await state.restore();
      expect((await rp.redeem(code)).body.error).to.equal('invalid_grant');
    });

    it('leaves a session that was logged out before the loss logged out', async () => {
      const person = await signedIn();
      const thief = app.browser();
      for (const one of await person.browser.jar.getCookies(ISSUER)) {
        await thief.jar.setCookie(one.toString(), ISSUER);
      }
      codeOf(await person.rp.authorize(thief, { prompt: 'none' }));
      await state.snapshot();
      const { status } = await person.browser.request('/auth/logout', { method: 'POST' });
      expect(status).to.equal(204);
      await state.restore();
      await expectSignedOut({ ...person, browser: thief });
    });

    it('signs everybody out when it lost everything, and in again at once', async () => {
      const person = await signedIn();
      await state.flush();
      expect((await refreshAt(app, person.cookies.refresh)).status).to.equal(401);
      const { refresh } = person.oidc;
      expect((await person.rp.refresh(refresh)).body.error).to.equal('invalid_grant');
      const answer = await person.rp.authorize(person.browser, { prompt: 'none' });
      expect(errorOf(answer)).to.equal('login_required');
      const cookies = tokensOf(await login(person.browser, person.user));
      expect((await refreshAt(app, cookies.refresh)).status).to.equal(200);
      const { rp } = person;
      const { body } = await rp.redeem(codeOf(await rp.authorize(person.browser)));
      expect((await rp.refresh(body.refresh_token ?? '')).status).to.equal(200);
    });

    it('ends a session whose record it lost when its person signs out, for good', async () => {
      const person = await signedIn();
      await state.snapshot();
      await state.flush();
      expect((await person.browser.request('/auth/logout', { method: 'POST' })).status).to.equal(
        204,
      );
      await state.restore();
      await expectSignedOut(person);
    });
  });
}
