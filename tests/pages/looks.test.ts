/** How the pages look. With TEST_SCREENSHOTS=<folder> a picture of each is left there. */
import path from 'node:path';
import { expect } from 'chai';
import type { BrowserContextOptions } from 'playwright-core';
import { createUser } from '../support/people.ts';
import { screenshotFolder } from '../support/screenshots.ts';
import { FAINT_TEXTS } from './contrast.ts';
import { useStage } from './stage.ts';
import type { Visitor } from './visitor.ts';

const PHONE = { width: 390, height: 844 };
const SMALL = { width: 320, height: 568 };
const DESK = { width: 1280, height: 800 };

const LOOKS: readonly (BrowserContextOptions & { readonly name: string })[] = [
  { name: 'phone light', viewport: PHONE, colorScheme: 'light' },
  { name: 'phone dark', viewport: PHONE, colorScheme: 'dark' },
  { name: 'desk light', viewport: DESK, colorScheme: 'light' },
  { name: 'desk dark', viewport: DESK, colorScheme: 'dark' },
  { name: 'small phone', viewport: SMALL, colorScheme: 'light' },
];

/** Long, without a place to break. */
const LONG_NAME = 'Rechtsschutzversicherungsgesellschaftenportal';

describe('look of the pages', () => {
  const stage = useStage();

  for (const { name, ...options } of LOOKS) {
    it(
      `is readable and needs no scrolling sideways: ${name}`,
      stage.visit({ ...options, javaScriptEnabled: false }, async (visitor) => {
        const rp = await stage.relyingParty({ first_party: false, client_name: LONG_NAME });
        let shown = 0;
        const look = async (heading: string, status = 200): Promise<void> => {
          await visitor.sees(heading, status);
          expect(await visitor.page.evaluate(FAINT_TEXTS), heading).to.deep.equal([]);
          shown += 1;
          await keepPicture(visitor, `${String(shown).padStart(2, '0')} ${heading}`, name);
        };
        const user = await createUser(stage.app);

        await visitor.authorize(rp);
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
    );
  }
});

async function keepPicture({ page }: Visitor, heading: string, look: string): Promise<void> {
  const folder = screenshotFolder();
  if (folder === undefined) return;
  const file = `${look} ${heading}.png`.replaceAll(/[^\w.]+/g, '-');
  await page.screenshot({ path: path.join(folder, file) });
}
