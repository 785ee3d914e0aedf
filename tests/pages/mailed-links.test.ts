import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { Users } from '../../src/plugins/users/contract.ts';
import { codeMailedTo } from '../support/mailed-links.ts';
import { createUser, PASSWORD } from '../support/people.ts';
import { lookFromAllSides } from './look-from-all-sides.ts';
import { BROWSERS, useStage } from './stage.ts';
import type { Visitor } from './visitor.ts';

const NEW_PASSWORD = 'nine loud ravens dive';

const changeEmail = (visitor: Visitor, issuer: string, email: string) =>
  visitor.page.request.put(`${issuer}/auth/email`, {
    data: { email, current_password: PASSWORD },
    headers: { 'sec-fetch-site': 'same-origin' },
  });

describe('pages of mailed links', () => {
  const stage = useStage();

  const openLink = async (visitor: Visitor, address: string): Promise<void> =>
    visitor.open(`/l/${await codeMailedTo(stage.app, address)}`);

  for (const [browser, options] of Object.entries(BROWSERS)) {
    describe(browser, () => {
      it(
        'a forgotten password: from the sign-in page to a new one, and back to the relying party',
        stage.visit(options, async (visitor) => {
          const user = await createUser(stage.app);
          const rp = await stage.relyingParty();
          await visitor.authorize(rp);
          await visitor.follow('Forgot your password?');
          await visitor.sees('Forgot your password?');
          await visitor.fill('E-mail', user.email);
          await visitor.press('Send the link');
          await visitor.sees('Check your mail');
          await openLink(visitor, user.email);
          await visitor.sees('Choose a new password');
          await visitor.fill('New password', 'password1234');
          await visitor.press('Set the password');
          await visitor.sees('Choose a new password', 400);
          await visitor.fill('New password', NEW_PASSWORD);
          await visitor.press('Set the password');
          await visitor.sees('Your password is changed');
          await openLink(visitor, user.email);
          await visitor.sees('This link does not work any more', 410);
          await visitor.authorize(rp);
          await visitor.signIn(user, NEW_PASSWORD);
          expect((await visitor.arrives()).params).to.have.property('code');
        }),
      );

      it(
        'a new account: its address is verified with the mailed link',
        stage.visit(options, async (visitor) => {
          const email = `new-${randomUUID()}@example.com`;
          await visitor.authorize(await stage.relyingParty());
          await visitor.follow('Create an account');
          await visitor.fill('E-mail', email);
          await visitor.fill('Password', PASSWORD);
          await visitor.press('Create account');
          await visitor.arrives();
          await openLink(visitor, email);
          await visitor.sees('Verify your address');
          expect(await visitor.text()).to.contain(email);
          await visitor.press('Verify the address');
          await visitor.sees('Your address is verified');
          await visitor.open('/auth/email/verify');
          await visitor.sees('Your address is verified');
          const user = await stage.app.app.use(Users).findByEmail(email);
          expect(user?.emailVerified).to.equal(true);
        }),
      );

      it(
        'a signed-in person asks for the link, and changes the address; nobody else can ask',
        stage.visit(options, async (visitor) => {
          await visitor.open('/auth/email/verify');
          await visitor.sees('Sign in first', 401);
          const user = await createUser(stage.app);
          await visitor.authorize(await stage.relyingParty());
          await visitor.signIn(user);
          await visitor.arrives();
          await visitor.open('/auth/email/verify');
          await visitor.sees('Verify your address');
          await visitor.press('Send the link');
          await visitor.sees('Check your mail');
          const { issuer } = stage.app;
          const data = { email: user.email, password: PASSWORD };
          const headers = { 'sec-fetch-site': 'same-origin' };
          await visitor.page.request.post(`${issuer}/auth/login`, { data, headers });
          const email = `moved-${randomUUID()}@example.org`;
          expect((await changeEmail(visitor, issuer, email)).status()).to.equal(202);
          await openLink(visitor, email);
          await visitor.sees('Change your address');
          await visitor.press('Change the address');
          await visitor.sees('Your address is changed');
          expect(await visitor.text()).to.contain('everywhere but in this browser');
          const own = await visitor.page.request.get(`${issuer}/auth/me`);
          expect(((await own.json()) as { email: string }).email).to.equal(email);
          expect((await stage.app.app.use(Users).find(user.id))?.email).to.equal(email);
        }),
      );
    });
  }

  it(
    'fit phones and desks, and are readable in light and dark',
    stage.visit({ javaScriptEnabled: false }, async (visitor) => {
      const user = await createUser(stage.app);
      let count = 0;
      const look = async (heading: string, status = 200): Promise<void> => {
        await visitor.sees(heading, status);
        count += 1;
        await lookFromAllSides(visitor, `mailed ${count} ${heading}`);
      };
      await visitor.authorize(await stage.relyingParty());
      await look('Sign in');
      await visitor.open('/auth/password/forgot');
      await look('Forgot your password?');
      await visitor.page
        .getByLabel('E-mail')
        .evaluate((field) => field.setAttribute('type', 'text'));
      await visitor.fill('E-mail', 'ana@');
      await visitor.press('Send the link');
      await look('Forgot your password?', 400);
      await visitor.fill('E-mail', user.email);
      await visitor.press('Send the link');
      await look('Check your mail');
      await openLink(visitor, user.email);
      await look('Choose a new password');
      await visitor.fill('New password', 'password1234');
      await visitor.press('Set the password');
      await look('Choose a new password', 400);
      await visitor.fill('New password', NEW_PASSWORD);
      await visitor.press('Set the password');
      await look('Your password is changed');
      const email = `new-${randomUUID()}@example.com`;
      const data = { email, password: PASSWORD };
      const headers = { 'sec-fetch-site': 'same-origin' };
      await visitor.page.request.post(`${stage.app.issuer}/auth/register`, { data, headers });
      await openLink(visitor, email);
      await look('Verify your address');
      await visitor.page.getByLabel('Password', { exact: true }).fill('wrong password');
      await visitor.press('Verify the address');
      await look('Verify your address', 403);
      await visitor.fill('New password', NEW_PASSWORD);
      await visitor.press('Set the password');
      await look('The account is yours');
      await visitor.open('/l/unknown');
      await look('This link does not work any more', 410);
    }),
  ).timeout(60_000);
});

describe('pages of REGISTRATION=strict', () => {
  const stage = useStage({ settings: { REGISTRATION: 'strict' } });

  it(
    'ask to follow the mailed link before signing in',
    stage.visit({ javaScriptEnabled: false }, async (visitor) => {
      const email = `new-${randomUUID()}@example.com`;
      await visitor.authorize(await stage.relyingParty());
      await visitor.follow('Create an account');
      await visitor.sees('Create your account');
      await lookFromAllSides(visitor, 'strict 0 Create your account');
      await visitor.fill('E-mail', email);
      await visitor.press('Create account');
      await visitor.sees('Check your mail');
      await lookFromAllSides(visitor, 'strict 1 Check your mail');
      const waiting = visitor.page.url();
      await visitor.open(`/l/${await codeMailedTo(stage.app, email)}`);
      await visitor.sees('Create your account');
      await lookFromAllSides(visitor, 'strict 2 Create your account');
      await visitor.fill('Password', 'password1234');
      await visitor.press('Create the account');
      await visitor.sees('Create your account', 400);
      await lookFromAllSides(visitor, 'strict 2 Create your account, refused');
      await visitor.fill('Password', PASSWORD);
      await visitor.press('Create the account');
      await visitor.sees('Your account is ready');
      await lookFromAllSides(visitor, 'strict 3 Your account is ready');
      await visitor.open(waiting.replace(/register$/, 'other'));
      const user = await stage.app.app.use(Users).findByEmail(email);
      if (!user) throw new Error('nobody was registered');
      await visitor.signIn(user);
      expect((await visitor.arrives()).params).to.have.property('code');
    }),
  ).timeout(60_000);
});
