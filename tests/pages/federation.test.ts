import { expect } from 'chai';
import type { User } from '../../src/plugins/users/contract.ts';
import { createVerifiedUser, newPerson, providerSettings } from '../flows/federation/stage.ts';
import { codeMailedTo } from '../support/mailed-links.ts';
import { createUserNamed, PASSWORD } from '../support/people.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';
import { lookFromAllSides } from './look-from-all-sides.ts';
import { BROWSERS, type Stage, useStage } from './stage.ts';

describe('pages: signing in with another provider', () => {
  const settings: Record<string, string> = {};
  let google: Upstream;
  let acme: Upstream;
  before(async () => {
    [google, acme] = await Promise.all([startUpstream(), startUpstream()]);
    Object.assign(settings, providerSettings(google.issuer, acme.issuer));
  });
  const stage: Stage = useStage({ settings });
  before(() => {
    const callback = (id: string) => `${stage.app.issuer}/oauth2/${id}/callback`;
    google.open({ redirectUris: [callback('google')] });
    acme.open({ redirectUris: [callback('acme')], conformIdTokenClaims: true });
  });
  after(async () => {
    await Promise.all([google.close(), acme.close()]);
  });

  for (const [name, options] of Object.entries(BROWSERS)) {
    describe(name, () => {
      it(
        'leads from the button to the relying party, and a second time without asking',
        stage.visit(options, async (person) => {
          newPerson(google);
          const rp = await stage.relyingParty();
          await person.authorize(rp);
          await person.sees('Sign in');
          expect(await person.text()).to.include('Continue with Google');
          expect(await person.text()).to.include('Continue with Acme Staff');
          await person.follow('Continue with Google');
          expect((await person.arrives()).params).to.have.property('code');
          await person.authorize(rp);
          expect((await person.arrives()).params).to.have.property('code');
        }),
      );

      it(
        'asks whether an account is the person’s, refuses a wrong password, connects and arrives',
        stage.visit(options, async (person) => {
          const user = await createVerifiedUser(stage.app);
          newPerson(acme, { email: user.email });
          const rp = await stage.relyingParty();
          await person.authorize(rp);
          await person.follow('Continue with Acme Staff');
          await person.sees('Connect your account?');
          expect(await person.text())
            .to.include(user.email)
            .and.include('Acme Staff');
          await person.fill('Password', 'this is not the password');
          await person.press('Connect and sign in');
          await person.sees('Connect your account?', 401);
          await person.fill('Password', PASSWORD);
          await person.press('Connect and sign in');
          expect((await person.arrives()).params).to.have.property('code');
        }),
      );

      it(
        'says on the sign-in page why it did not work, and the other ways still do',
        stage.visit(options, async (person) => {
          const rp = await stage.relyingParty();
          newPerson(google, { email_verified: false });
          await person.authorize(rp);
          await person.follow('Continue with Google');
          await person.sees('Sign in', 403);
          expect(await person.text()).to.include('Your address is not confirmed there');
          const email = newPerson(google);
          const user: User = await createUserNamed(stage.app, email);
          await person.follow('Continue with Google');
          await person.sees('Sign in', 409);
          expect(await person.text()).to.include('that nobody has confirmed');
          await person.signIn(user);
          expect((await person.arrives()).params).to.have.property('code');
        }),
      );

      it(
        'an account without password can prove itself again with its provider',
        stage.visit(options, async (person) => {
          newPerson(acme);
          const rp = await stage.relyingParty();
          await person.authorize(rp);
          await person.follow('Continue with Acme Staff');
          await person.arrives();
          await person.authorize(rp, { prompt: 'login' });
          await person.sees('Confirm it’s you');
          await person.follow('Continue with Acme Staff');
          expect((await person.arrives()).params).to.have.property('code');
          expect(acme.requests.at(-1)?.get('prompt')).to.equal('login');
        }),
      );

      it(
        'signs in without an authorization request as well',
        stage.visit(options, async (person) => {
          const email = newPerson(google);
          await person.open('/oauth2/google/authorize');
          await person.sees('You are signed in');
          expect(await person.text()).to.include(email);
        }),
      );
    });
  }

  it(
    'fits phones and desks, and is readable in light and dark',
    stage.visit({ javaScriptEnabled: false }, async (person) => {
      const rp = await stage.relyingParty({ client_name: 'Rechtsschutzversicherungsportal' });
      const look = async (heading: string, status = 200): Promise<void> => {
        await person.sees(heading, status);
        await lookFromAllSides(person, `federation ${heading} ${status}`);
      };
      const user = await createVerifiedUser(stage.app);
      newPerson(google, { email: user.email });
      await person.authorize(rp);
      await look('Sign in');
      await person.follow('Continue with Google');
      await look('Connect your account?');
      await person.fill('Password', 'wrong');
      await person.press('Connect and sign in');
      await look('Connect your account?', 401);
      await person.follow('Sign in another way');
      newPerson(google, { email_verified: false });
      await person.follow('Continue with Google');
      await look('Sign in', 403);
      const email = newPerson(google);
      await person.open('/oauth2/google/authorize');
      await look('You are signed in');
      await person.context.clearCookies();
      acme.person = { sub: email, claims: { email, email_verified: true } };
      await person.open('/oauth2/acme/authorize');
      await look('You have an account already', 409);
      await person.open('/oauth2/nobody/authorize');
      await look('This way to sign in is not available', 404);
      await person.context.clearCookies();
      const own = newPerson(google);
      await person.open('/oauth2/google/authorize');
      await person.sees('You are signed in');
      const json = { email: own };
      await stage.app.browser().request('/auth/password/forgot', { json });
      await person.open(`/l/${await codeMailedTo(stage.app, own)}`);
      await look('Choose a new password');
    }),
  ).timeout(60_000);
});
