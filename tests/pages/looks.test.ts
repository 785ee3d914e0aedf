/** How the pages look. With TEST_SCREENSHOTS=<folder> a picture of each is left there. */
import { createUser } from '../support/people.ts';
import { lookFromAllSides } from './look-from-all-sides.ts';
import { useStage } from './stage.ts';

/** Long, without a place to break. */
const LONG_NAME = 'Rechtsschutzversicherungsgesellschaftenportal';

describe('look of the pages', () => {
  const stage = useStage();

  it(
    'fits phones and desks, and is readable in light and dark',
    stage.visit({ javaScriptEnabled: false }, async (visitor) => {
      const rp = await stage.relyingParty({
        first_party: false,
        client_name: LONG_NAME,
        allowed_scopes: ['roles', 'account', 'admin', 'reports'],
        allowed_resources: [`${stage.app.issuer}/api`],
      });
      const scope = 'openid profile email offline_access roles account admin reports';
      const user = await createUser(stage.app);
      let count = 0;
      const look = async (heading: string, status = 200): Promise<void> => {
        await visitor.sees(heading, status);
        count += 1;
        await lookFromAllSides(visitor, `${String(count).padStart(2, '0')} ${heading}`);
      };

      await visitor.authorize(rp, { scope });
      await look('Sign in');
      await visitor.signIn(user, 'wrong');
      await look('Sign in', 401);
      await visitor.follow('Create an account');
      await look('Create your account');
      await visitor.fill('E-mail', user.email);
      await visitor.fill('Password', 'password1234');
      await visitor.press('Create account');
      await look('Create your account', 400);
      await visitor.follow('Sign in');
      await visitor.signIn(user);
      await look(`Allow ${LONG_NAME} to use your account?`);
      await visitor.press('Allow');
      await visitor.arrives();
      await visitor.authorize(rp, { prompt: 'login' });
      await look('Confirm it’s you');
      await visitor.follow('Use another account');
      await look('Sign in');
      await visitor.authorize(rp, { prompt: 'select_account' });
      await look('Choose an account');
      await visitor.open(`/oidc/logout?client_id=${rp.client.client_id}`);
      await look('Sign out?');
      await visitor.press('Stay signed in');
      await look('You are still signed in');
      await visitor.open('/oidc/logout');
      await visitor.press('Sign out');
      await look('You are signed out');
      await visitor.authorize(rp, { redirect_uri: 'https://elsewhere.example/' });
      await look('The application sent a wrong return address', 400);
    }),
  ).timeout(60_000);
});
