import { expect } from 'chai';
import { Roles } from '../../../src/plugins/roles/contract.ts';
import { login } from '../../support/people.ts';
import { codeOf, createRelyingParty } from '../../support/relying-party.ts';
import { storeKinds } from '../../support/test-app.ts';
import {
  createVerifiedUser,
  me,
  newPerson,
  type Stage,
  signInWith,
  startStage,
  walk,
} from './stage.ts';

for (const store of storeKinds) {
  describe(`signing in with another provider, state store on ${store}`, () => {
    let stage: Stage;
    before(async () => {
      stage = await startStage({ store });
    });
    after(() => stage.close());

    it('makes an account without password, signed in as after a REST login', async () => {
      const { app, google } = stage;
      const email = newPerson(google, { locale: 'pt-BR' });
      const browser = app.browser();
      const landed = await signInWith(browser, 'google', '/auth/me');
      expect(landed.url).to.equal(`${new URL(app.issuer).origin}/auth/me`);
      const user = await me(browser);
      expect(user).to.include({ email, email_verified: true, name: 'Upstream Person' });
      expect(user?.['locale']).to.equal('pt-BR');
      expect(user?.['roles']).to.deep.equal([]);
      const sessions = (await browser.request('/auth/sessions')).json<{ sessions: object[] }>();
      expect(sessions.sessions).to.have.lengthOf(1);
      const history = await browser.request('/auth/login-history');
      expect(history.json<{ logins: { method: string }[] }>().logins[0]?.method).to.equal(
        'fed google',
      );
      expect((await browser.request('/auth/refresh', { method: 'POST' })).status).to.equal(200);
    });

    it('knows the person again by issuer and subject, whatever their address is now; roles come out as ever', async () => {
      const { app, google } = stage;
      newPerson(google);
      const first = app.browser();
      await signInWith(first, 'google');
      const id = String((await me(first))?.['id']);
      const roles = app.app.use(Roles);
      await roles.create({ name: `editor-${store}` });
      await roles.grant(id, `editor-${store}`);
      google.person.claims = { email: 'somewhere-else@example.org', email_verified: false };
      const second = app.browser();
      await signInWith(second, 'google');
      expect(await me(second)).to.deep.include({ id, roles: [`editor-${store}`] });
    });

    it('reads claims from userinfo when the ID token has none, and says so without return_to', async () => {
      const { app, acme } = stage;
      const email = newPerson(acme);
      const browser = app.browser();
      const page = await signInWith(browser, 'acme');
      expect(page.status).to.equal(200);
      expect(page.text).to.include('You are signed in').and.include(email);
      expect((await me(browser))?.['email']).to.equal(email);
    });

    it('goes through an authorization request back to the relying party', async () => {
      const { app, google } = stage;
      const email = newPerson(google);
      const browser = app.browser();
      const rp = await createRelyingParty(app);
      const page = await rp.authorize(browser);
      const [, href = ''] = /href="([^"]*\/federation\?provider=google)"/.exec(page.text) ?? [];
      const back = await walk(browser, await browser.request(new URL(href, page.url).href));
      const { body } = await rp.redeem(codeOf(back));
      const info = await app.browser().request('/oidc/userinfo', {
        headers: { authorization: `Bearer ${body.access_token}` },
      });
      expect(info.json()).to.include({ email, email_verified: true });
    });

    it('SEC-72 asks for the password of a verified account with the same address, then signs in', async () => {
      const { app, google } = stage;
      const user = await createVerifiedUser(app);
      newPerson(google, { email: user.email.toUpperCase() });
      const browser = app.browser();
      const page = await signInWith(browser, 'google', '/auth/me');
      expect(page.text).to.include('Connect your account?').and.include(user.email);
      expect(await me(browser)).to.equal(undefined);
      const wrong = await browser.submit(page, { password: 'not the password at all' });
      expect(wrong.status).to.equal(401);
      expect(await me(browser)).to.equal(undefined);
      await browser.submit(wrong, { password: 'seven quiet herons fly' });
      expect(await me(browser)).to.include({ id: user.id });
      const again = app.browser();
      await signInWith(again, 'google');
      expect(await me(again)).to.include({ id: user.id });
      expect((await login(app.browser(), user)).status).to.equal(200);
    });
  });
}
