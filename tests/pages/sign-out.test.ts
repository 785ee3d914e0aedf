import { expect } from 'chai';
import { Sessions } from '../../src/plugins/sessions/contract.ts';
import type { User } from '../../src/plugins/users/contract.ts';
import { createUser } from '../support/people.ts';
import type { RelyingParty } from '../support/relying-party.ts';
import { BROWSERS, useStage } from './stage.ts';
import type { Visitor } from './visitor.ts';

const logoutUrl = (params: Record<string, string> = {}): string =>
  `/oidc/logout?${new URLSearchParams(params)}`;

describe('sign-out pages', () => {
  const stage = useStage();

  const signIn = async (visitor: Visitor): Promise<{ rp: RelyingParty; user: User }> => {
    const rp = await stage.relyingParty();
    const user = await createUser(stage.app);
    await visitor.authorize(rp);
    await visitor.signIn(user);
    await visitor.arrives();
    return { rp, user };
  };
  const sessionsOf = async ({ id }: User): Promise<number> =>
    (await stage.app.app.use(Sessions).list(id)).length;
  /** The relying party asks, and wants the browser back. */
  const askedBy = ({ client }: RelyingParty): string =>
    logoutUrl({
      client_id: client.client_id,
      post_logout_redirect_uri: stage.site.postLogoutRedirectUri,
      state: 'bye',
    });

  for (const [browser, options] of Object.entries(BROWSERS)) {
    describe(browser, () => {
      it(
        'SEC-63: asks first; "Sign out" ends the session and leads back to the relying party',
        stage.visit(options, async (visitor) => {
          const { rp, user } = await signIn(visitor);
          await visitor.open(askedBy(rp));
          await visitor.sees('Sign out?');
          expect(await visitor.text()).to.include('Test App asks');
          expect(await sessionsOf(user)).to.equal(1);
          await visitor.press('Sign out');
          const { path, params } = await visitor.arrives();
          expect({ path, params }).to.deep.equal({ path: '/signed-out', params: { state: 'bye' } });
          expect(await sessionsOf(user)).to.equal(0);
          expect(await visitor.cookie('authsrv-session')).to.equal(undefined);
          await visitor.authorize(rp, { prompt: 'none' });
          expect((await visitor.arrives()).params).to.include({ error: 'login_required' });
        }),
      );

      it(
        '"Stay signed in" leads back to the relying party too, and the session goes on',
        stage.visit(options, async (visitor) => {
          const { rp, user } = await signIn(visitor);
          await visitor.open(askedBy(rp));
          await visitor.press('Stay signed in');
          expect((await visitor.arrives()).path).to.equal('/signed-out');
          expect(await sessionsOf(user)).to.equal(1);
          await visitor.authorize(rp, { prompt: 'none' });
          expect((await visitor.arrives()).params).to.have.property('code');
        }),
      );

      it(
        'ends at a page of ours when nobody wants the browser back',
        stage.visit(options, async (visitor) => {
          const { user } = await signIn(visitor);
          await visitor.open(logoutUrl());
          await visitor.sees('Sign out?');
          await visitor.press('Sign out');
          await visitor.sees('You are signed out');
          expect(await sessionsOf(user)).to.equal(0);
        }),
      );

      it(
        'works for a browser in which nobody is signed in',
        stage.visit(options, async (visitor) => {
          await visitor.open(askedBy(await stage.relyingParty()));
          await visitor.sees('Sign out?');
          await visitor.press('Sign out');
          expect((await visitor.arrives()).params).to.deep.equal({ state: 'bye' });
        }),
      );
    });
  }

  it(
    'SEC-93 "Back" after signing out shows nothing of the person: their pages are asked for again',
    stage.visit({ javaScriptEnabled: false }, async (visitor) => {
      const { user } = await signIn(visitor);
      await visitor.open('/auth/email/verify');
      await visitor.sees('Verify your address');
      expect(await visitor.text()).to.include(user.email);
      await visitor.open(logoutUrl());
      await visitor.press('Sign out');
      await visitor.sees('You are signed out');
      for (const heading of ['Sign out?', 'Sign in first']) {
        await visitor.page.goBack();
        await visitor.page.getByRole('heading', { level: 1, name: heading, exact: true }).waitFor();
        expect(await visitor.text('body')).to.not.include(user.email);
      }
    }),
  );

  it(
    'does not say that the person signed out who chose to stay',
    stage.visit({ javaScriptEnabled: false }, async (visitor) => {
      const { user } = await signIn(visitor);
      await visitor.open(logoutUrl());
      await visitor.press('Stay signed in');
      await visitor.page.getByRole('heading', { level: 1 }).waitFor();
      await visitor.sees('You are still signed in');
      expect(await sessionsOf(user)).to.equal(1);
    }),
  );
});
