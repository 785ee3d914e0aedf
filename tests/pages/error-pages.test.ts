import { expect } from 'chai';
import { createUser } from '../support/people.ts';
import { BROWSERS, useStage } from './stage.ts';
import type { Visitor } from './visitor.ts';

const EXPIRED = 'This sign-in has expired';
const REFUSED = 'This form is no longer valid';

/** Puts another token into every form of the page. */
const setToken = (visitor: Visitor, token: string): Promise<unknown> =>
  visitor.page.evaluate(
    `document.getElementsByName('_csrf').forEach((input) => { input.value = ${JSON.stringify(token)}; })`,
  );

const tokenOf = (visitor: Visitor): Promise<string> =>
  visitor.page.locator('[name=_csrf]').first().inputValue();

describe('error pages', () => {
  const stage = useStage();

  for (const [browser, options] of Object.entries(BROWSERS)) {
    describe(browser, () => {
      it(
        'a wrong redirect_uri ends here, with nothing that leads there',
        stage.visit(options, async (visitor) => {
          const rp = await stage.relyingParty();
          const before = stage.site.received.length;
          await visitor.authorize(rp, { redirect_uri: `${stage.site.origin}/elsewhere` });
          await visitor.sees('The application sent a wrong return address', 400);
          expect(await visitor.page.getByRole('link').count()).to.equal(0);
          expect(await visitor.page.getByRole('button').count()).to.equal(0);
          expect(stage.site.received).to.have.length(before);
        }),
      );

      it(
        'an unknown client and an unknown page each have a page',
        stage.visit(options, async (visitor) => {
          const rp = await stage.relyingParty();
          await visitor.authorize(rp, { client_id: 'nobody' });
          await visitor.sees('This application is not known here', 400);
          await visitor.open('/no/such/page');
          await visitor.sees('There is nothing here', 404);
        }),
      );

      it(
        'a sign-in that waited too long says so, on the page and on the form',
        stage.visit(options, async (visitor) => {
          await visitor.authorize(await stage.relyingParty());
          await visitor.sees('Sign in');
          const url = visitor.page.url();
          await stage.app.database.database.query(
            {
              name: 'test-expire-interactions',
              text: `UPDATE state_store SET expires_at = now() - interval '1 second' WHERE key LIKE 'oidc:Interaction:%'`,
            },
            [],
          );
          await visitor.signIn(await createUser(stage.app));
          await visitor.sees(EXPIRED, 400);
          expect(await visitor.text('.lede')).to.equal(
            'Go back to the application and start again.',
          );
          await visitor.open(url);
          await visitor.sees(EXPIRED, 400);
        }),
      );

      it(
        'SEC-61: the address of a sign-in is worth nothing in another browser',
        stage.visit(options, async (visitor) => {
          await visitor.authorize(await stage.relyingParty());
          await visitor.sees('Sign in');
          await visitor.context.clearCookies();
          await visitor.page.reload();
          await visitor.sees(EXPIRED, 400);
        }),
      );

      it(
        'SEC-32: a form with the token of another sign-in, or with none, is refused',
        stage.visit(options, async (visitor) => {
          const rp = await stage.relyingParty();
          const user = await createUser(stage.app);
          await visitor.authorize(rp);
          const foreign = await tokenOf(visitor);
          for (const token of [foreign, '']) {
            await visitor.authorize(rp);
            expect(await tokenOf(visitor))
              .to.have.lengthOf(43)
              .and.not.equal(foreign);
            await setToken(visitor, token);
            await visitor.signIn(user);
            await visitor.sees(REFUSED, 403);
          }
          expect(await visitor.cookie('authsrv-session')).to.equal(undefined);
        }),
      );

      it(
        'SEC-32: so is the consent form',
        stage.visit(options, async (visitor) => {
          await visitor.authorize(await stage.relyingParty({ first_party: false }));
          const foreign = await tokenOf(visitor);
          await visitor.authorize(await stage.relyingParty({ first_party: false }));
          await visitor.signIn(await createUser(stage.app));
          await visitor.sees('Allow Test App to use your account?');
          await setToken(visitor, foreign);
          await visitor.press('Allow');
          await visitor.sees(REFUSED, 403);
        }),
      );
    });
  }
});
