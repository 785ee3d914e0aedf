import { expect } from 'chai';
import { createUser } from '../support/people.ts';
import { BROWSERS, useStage } from './stage.ts';

describe('pages of a server below a path', () => {
  const stage = useStage({ path: '/sub' });

  for (const [browser, options] of Object.entries(BROWSERS)) {
    it(
      `have their assets and lead one to the next, ${browser}`,
      stage.visit(options, async (visitor) => {
        const assets = new Set<string>();
        visitor.page.on('response', (response) => {
          const { origin, pathname } = new URL(response.url());
          const isOurs = origin === new URL(stage.app.issuer).origin;
          if (isOurs && pathname.includes('assets')) assets.add(pathname);
          if (isOurs) expect(pathname).to.match(/^\/sub\//);
        });
        const rp = await stage.relyingParty({ first_party: false });
        await visitor.authorize(rp);
        await visitor.sees('Sign in');
        expect([...assets]).to.include.members(['/sub/assets/style.css', '/sub/assets/icon.svg']);
        await visitor.follow('Create an account');
        await visitor.sees('Create your account');
        await visitor.follow('Sign in');
        await visitor.signIn(await createUser(stage.app));
        await visitor.sees('Allow Test App to use your account?');
        await visitor.press('Allow');
        const { params } = await visitor.arrives();
        expect(params).to.include({ iss: `${stage.app.socket}/sub` });
        expect((await rp.redeem(params['code'] ?? '')).status).to.equal(200);

        await visitor.open('/oidc/logout');
        await visitor.sees('Sign out?');
        await visitor.press('Sign out');
        await visitor.sees('You are signed out');
        await visitor.open('/');
        await visitor.sees('This is where people sign in');
        const api = visitor.page.getByRole('link', { name: 'REST API' });
        expect(await api.getAttribute('href')).to.equal('/sub/auth/doc');
        await visitor.open('/no/such/page');
        await visitor.sees('There is nothing here', 404);
      }),
    );
  }
});
