import { expect } from 'chai';
import { createUser } from '../support/people.ts';
import { BROWSERS, useStage } from './stage.ts';

const HEADING = 'Allow Test App to use your account?';

describe('consent page', () => {
  const stage = useStage();

  for (const [browser, options] of Object.entries(BROWSERS)) {
    describe(browser, () => {
      it(
        'SEC-93: says who asks for what, and "Allow" leads to the relying party under our policy',
        stage.visit(options, async (visitor) => {
          const rp = await stage.relyingParty({ first_party: false });
          const user = await createUser(stage.app);
          await visitor.authorize(rp, { scope: 'openid email', state: 'first' });
          await visitor.signIn(user);
          await visitor.sees(HEADING);
          const text = await visitor.text();
          expect(text).to.include(user.email).and.include(new URL(stage.site.origin).host);
          const items = await visitor.page.locator('.permission-title').allInnerTexts();
          expect(items).to.deep.equal(['Know who you are', 'See your e-mail address']);
          await visitor.press('Allow');
          const { params } = await visitor.arrives();
          expect((await rp.redeem(params['code'] ?? '')).body.scope).to.equal('openid email');
          await visitor.authorize(rp, { scope: 'openid email', state: 'second' });
          expect((await visitor.arrives()).params).to.include({ state: 'second' });
        }),
      );

      it(
        '"Deny" leads back with access_denied and is asked again next time',
        stage.visit(options, async (visitor) => {
          const rp = await stage.relyingParty({ first_party: false });
          await visitor.authorize(rp);
          await visitor.signIn(await createUser(stage.app));
          await visitor.sees(HEADING);
          await visitor.press('Deny');
          const { params } = await visitor.arrives();
          expect(params).to.include({ error: 'access_denied', state: 'a-state' });
          await visitor.authorize(rp);
          await visitor.sees(HEADING);
        }),
      );
    });
  }
});
