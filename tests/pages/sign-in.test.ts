import { expect } from 'chai';
import { createUser, PASSWORD } from '../support/people.ts';
import { BROWSERS, useStage } from './stage.ts';

/** Runs in the browser: what has the focus, and what shows it. */
const FOCUS = `(({ activeElement: element }) => ({
  name: element.name || element.innerText,
  outline: getComputedStyle(element).outlineStyle,
}))(document)`;

describe('sign-in page', () => {
  const stage = useStage();

  for (const [browser, options] of Object.entries(BROWSERS)) {
    describe(browser, () => {
      it(
        'signs in and ends at the relying party with a code that can be redeemed',
        stage.visit(options, async (visitor) => {
          const rp = await stage.relyingParty();
          await visitor.authorize(rp);
          await visitor.sees('Sign in');
          await visitor.signIn(await createUser(stage.app));
          const { method, path, params } = await visitor.arrives();
          expect([method, path]).to.deep.equal(['GET', '/callback']);
          expect(params).to.include({ state: 'a-state', iss: stage.app.issuer });
          expect((await rp.redeem(params['code'] ?? '')).status).to.equal(200);
        }),
      );

      it(
        'says when the password is wrong, keeps the e-mail, and goes on from there',
        stage.visit(options, async (visitor) => {
          const user = await createUser(stage.app);
          await visitor.authorize(await stage.relyingParty());
          await visitor.signIn(user, 'not the right password');
          await visitor.sees('Sign in', 401);
          const alert = await visitor.text('[role=alert]');
          expect(alert).to.equal('E-mail or password is wrong.');
          expect(await visitor.page.title()).to.match(/^Error: /);
          expect(await visitor.page.getByLabel('E-mail').inputValue()).to.equal(user.email);
          expect(await visitor.page.getByLabel('Password').inputValue()).to.equal('');
          await visitor.fill('Password', PASSWORD);
          await visitor.press('Sign in');
          expect((await visitor.arrives()).params).to.have.property('code');
        }),
      );

      it(
        'goes back to the relying party with access_denied',
        stage.visit(options, async (visitor) => {
          await visitor.authorize(await stage.relyingParty());
          await visitor.press('Back to Test App');
          const { params } = await visitor.arrives();
          expect(params).to.include({ error: 'access_denied', state: 'a-state' });
        }),
      );

      it(
        'fixes the e-mail when the same person must prove it again',
        stage.visit(options, async (visitor) => {
          const rp = await stage.relyingParty();
          const user = await createUser(stage.app);
          await visitor.authorize(rp);
          await visitor.signIn(user);
          await visitor.arrives();
          await visitor.authorize(rp, { prompt: 'login' });
          await visitor.sees('Confirm it’s you');
          const email = visitor.page.getByLabel('E-mail');
          expect(await email.inputValue()).to.equal(user.email);
          expect(await email.isEditable()).to.equal(false);
          await visitor.fill('Password', 'not the right password');
          await visitor.press('Continue');
          await visitor.sees('Confirm it’s you', 401);
          await visitor.fill('Password', PASSWORD);
          await visitor.press('Continue');
          expect((await visitor.arrives()).params).to.have.property('code');
        }),
      );
    });
  }

  it(
    'SEC-65: the answer to the password is a 303, and nothing forwards it',
    stage.visit({ javaScriptEnabled: false }, async (visitor) => {
      const before = stage.site.received.length;
      const hops: string[] = [];
      visitor.page.on('response', (response) => {
        const request = response.request();
        if (!request.isNavigationRequest() || response.status() < 300) return;
        const carries = request.postData()?.includes('password=') ?? false;
        hops.push(`${request.method()} ${carries ? 'with' : 'without'} → ${response.status()}`);
      });
      await visitor.authorize(await stage.relyingParty());
      hops.length = 0;
      await visitor.signIn(await createUser(stage.app));
      await visitor.arrives();
      expect(hops).to.deep.equal(['POST with → 303', 'GET without → 303']);
      const received = stage.site.received.slice(before);
      expect(received).to.have.length(1);
      for (const text of received) {
        expect(text).not.to.match(/password|herons|referer/i);
      }
    }),
  );

  it(
    'can be walked through with the keyboard alone, and shows where the focus is',
    stage.visit({ javaScriptEnabled: false }, async (visitor) => {
      const { keyboard } = visitor.page;
      const expectFocus = async (name: string): Promise<void> => {
        const focus = await visitor.page.evaluate(FOCUS);
        expect(focus).to.deep.equal({ name, outline: 'solid' });
      };
      const { email } = await createUser(stage.app);
      await visitor.authorize(await stage.relyingParty());
      await visitor.sees('Sign in');
      await expectFocus('email');
      await keyboard.type(email);
      const between = ['Sign in', 'Forgot your password?', 'Create an account'];
      for (const next of ['password', ...between, 'Back to Test App']) {
        await keyboard.press('Tab');
        await expectFocus(next);
      }
      for (const previous of [...between.reverse(), 'password']) {
        await keyboard.press('Shift+Tab');
        await expectFocus(previous);
      }
      await keyboard.type(PASSWORD);
      await keyboard.press('Enter');
      expect((await visitor.arrives()).params).to.have.property('code');
    }),
  );
});
