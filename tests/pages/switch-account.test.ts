import { expect } from 'chai';
import { decodeJwt } from 'jose';
import { Sessions } from '../../src/plugins/sessions/contract.ts';
import { createUser } from '../support/people.ts';
import type { RelyingParty } from '../support/relying-party.ts';
import { BROWSERS, useStage } from './stage.ts';
import type { Visitor } from './visitor.ts';

/** Redeems the code that the browser brought along: whose it is, and the session. */
async function identityAt(rp: RelyingParty, visitor: Visitor) {
  const { params } = await visitor.arrives();
  const { body } = await rp.redeem(params['code'] ?? '');
  const { sub } = decodeJwt(body.id_token ?? '');
  const { sid, sub: owner } = decodeJwt(body.access_token ?? '');
  expect(owner).to.equal(sub);
  return { sub, sid };
}

describe('two people in one browser', () => {
  const stage = useStage();

  const USE_ANOTHER: Readonly<Record<string, (visitor: Visitor) => Promise<void>>> = {
    async login(visitor) {
      await visitor.sees('Confirm it’s you');
      await visitor.follow('Use another account');
    },
    async select_account(visitor) {
      await visitor.sees('Choose an account');
      await visitor.press('Use another account');
    },
  };

  for (const [browser, options] of Object.entries(BROWSERS)) {
    describe(browser, () => {
      for (const [prompt, useAnother] of Object.entries(USE_ANOTHER)) {
        it(
          `SEC-62: prompt=${prompt} ends as the second one, in another session, and the first one's is over`,
          stage.visit(options, async (visitor) => {
            const rp = await stage.relyingParty();
            const [ana, ben] = [await createUser(stage.app), await createUser(stage.app)];
            await visitor.authorize(rp);
            await visitor.signIn(ana);
            const first = await identityAt(rp, visitor);
            expect(first.sub).to.equal(ana.id);

            await visitor.authorize(rp, { prompt });
            await useAnother(visitor);
            await visitor.sees('Sign in');
            expect(await visitor.text()).to.include(ana.email);
            await visitor.signIn(ben);
            const second = await identityAt(rp, visitor);
            expect(second.sub).to.equal(ben.id);
            expect(second.sid).to.be.a('string').and.not.equal(first.sid);

            const sessions = stage.app.app.use(Sessions);
            expect(await sessions.list(ana.id)).to.deep.equal([]);
            expect((await sessions.list(ben.id)).map(({ id }) => id)).to.deep.equal([second.sid]);
            await visitor.authorize(rp, { prompt: 'none' });
            expect(await identityAt(rp, visitor)).to.deep.equal(second);
          }),
        );
      }

      it(
        'SEC-62: the relying party of the first one asks the second one for consent anew',
        stage.visit(options, async (visitor) => {
          const rp = await stage.relyingParty({ first_party: false });
          const [ana, ben] = [await createUser(stage.app), await createUser(stage.app)];
          await visitor.authorize(rp);
          await visitor.signIn(ana);
          await visitor.press('Allow');
          await visitor.arrives();
          await visitor.authorize(rp, { prompt: 'select_account' });
          await visitor.press('Use another account');
          await visitor.signIn(ben);
          await visitor.sees('Allow Test App to use your account?');
          expect(await visitor.text()).to.include(ben.email);
          await visitor.press('Allow');
          expect((await identityAt(rp, visitor)).sub).to.equal(ben.id);
        }),
      );

      it(
        'stays with the first one when told to',
        stage.visit(options, async (visitor) => {
          const rp = await stage.relyingParty();
          const ana = await createUser(stage.app);
          await visitor.authorize(rp);
          await visitor.signIn(ana);
          const first = await identityAt(rp, visitor);
          await visitor.authorize(rp, { prompt: 'select_account' });
          await visitor.press(`Continue as ${ana.email}`);
          expect(await identityAt(rp, visitor)).to.deep.equal(first);
        }),
      );

      it(
        'a person who was disabled while signed in gets the sign-in page, and another may sign in',
        stage.visit(options, async (visitor) => {
          const rp = await stage.relyingParty();
          const [ana, ben] = [await createUser(stage.app), await createUser(stage.app)];
          await visitor.authorize(rp);
          await visitor.signIn(ana);
          await visitor.arrives();
          // Behind the service's back, so that the session lives on.
          await stage.app.database.database.query(
            { name: 'test-disable', text: 'UPDATE users SET disabled_at = now() WHERE id = $1' },
            [ana.id],
          );
          await visitor.authorize(rp);
          await visitor.sees('Sign in');
          await visitor.signIn(ana);
          await visitor.sees('Sign in', 401);
          await visitor.signIn(ben);
          expect((await identityAt(rp, visitor)).sub).to.equal(ben.id);
        }),
      );
    });
  }
});
