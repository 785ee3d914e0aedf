import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { Users } from '../../src/plugins/users/contract.ts';
import { createUser, PASSWORD } from '../support/people.ts';
import { BROWSERS, useStage } from './stage.ts';

const newEmail = (): string => `new-${randomUUID()}@example.com`;

describe('registration page', () => {
  const stage = useStage();

  for (const [browser, options] of Object.entries(BROWSERS)) {
    describe(browser, () => {
      it(
        'makes an account inside an authorization request, which goes on with it',
        stage.visit(options, async (visitor) => {
          const rp = await stage.relyingParty({ first_party: false });
          const email = newEmail();
          await visitor.authorize(rp);
          await visitor.follow('Create an account');
          await visitor.sees('Create your account');
          await visitor.fill('Name (optional)', 'Ana Ruiz');
          await visitor.fill('E-mail', email);
          await visitor.fill('Password', PASSWORD);
          await visitor.press('Create account');
          await visitor.sees('Allow Test App to use your account?');
          await visitor.press('Allow');
          const { params } = await visitor.arrives();
          expect((await rp.redeem(params['code'] ?? '')).status).to.equal(200);
          const user = await stage.app.app.use(Users).findByEmail(email);
          expect(user).to.include({ name: 'Ana Ruiz', emailVerified: false });
        }),
      );

      it(
        'names the fault of a field, puts the focus there and keeps the rest',
        stage.visit(options, async (visitor) => {
          const email = newEmail();
          await visitor.authorize(await stage.relyingParty());
          await visitor.follow('Create an account');
          await visitor.fill('Name (optional)', 'Ana Ruiz');
          await visitor.fill('E-mail', email);
          await visitor.fill('Password', 'password1234');
          await visitor.press('Create account');
          await visitor.sees('Create your account', 400);
          const password = visitor.page.getByLabel('Password');
          expect(await password.getAttribute('aria-invalid')).to.equal('true');
          expect(await visitor.page.locator(':focus').getAttribute('name')).to.equal('password');
          expect(await visitor.page.getByLabel('E-mail').inputValue()).to.equal(email);
          expect(await visitor.page.getByLabel('Name').inputValue()).to.equal('Ana Ruiz');
          await password.fill(PASSWORD);
          await visitor.press('Create account');
          expect((await visitor.arrives()).params).to.have.property('code');
        }),
      );

      it(
        'sends a person who has an account back to the sign-in page',
        stage.visit(options, async (visitor) => {
          const user = await createUser(stage.app);
          await visitor.authorize(await stage.relyingParty());
          await visitor.follow('Create an account');
          await visitor.fill('E-mail', user.email);
          await visitor.fill('Password', PASSWORD);
          await visitor.press('Create account');
          await visitor.sees('Create your account', 409);
          await visitor.follow('Sign in');
          await visitor.sees('Sign in');
          await visitor.signIn(user);
          expect((await visitor.arrives()).params).to.have.property('code');
        }),
      );
    });
  }
});
