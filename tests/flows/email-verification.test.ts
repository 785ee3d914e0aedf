import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { Users } from '../../src/plugins/users/contract.ts';
import { codeMailedTo, templatesTo } from '../support/mailed-links.ts';
import { createUser, PASSWORD, signedInBrowser } from '../support/people.ts';
import { createRelyingParty } from '../support/relying-party.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';

for (const store of storeKinds) {
  describe(`verification of e-mail addresses, state store on ${store}`, () => {
    let app: TestApp;
    before(async () => {
      app = await startTestApp({ store });
    });
    after(() => app.close());

    const confirm = (token: string) =>
      app.browser().request('/auth/email/confirm', { json: { token, password: PASSWORD } });

    it('SEC-13 a registration mails a link, and following it verifies the address, once', async () => {
      const email = `new-${randomUUID()}@example.com`;
      const json = { email, password: PASSWORD };
      const registered = await app.browser().request('/auth/register', { json });
      expect(registered.status).to.equal(201);
      const { user } = registered.json<{ user: { id: string; email_verified: boolean } }>();
      expect(user.email_verified).to.equal(false);
      const code = await codeMailedTo(app, email);
      const answer = await confirm(code);
      expect(answer.status).to.equal(200);
      expect(answer.json()).to.deep.equal({ status: 'verified' });
      expect((await app.app.use(Users).find(user.id))?.emailVerified).to.equal(true);
      expect((await confirm(code)).status).to.equal(410);
    });

    it('mails a registration on the hosted page as well', async () => {
      const rp = await createRelyingParty(app);
      const browser = app.browser();
      const page = await rp.authorize(browser);
      const register = await browser.open(`${page.url}/register`);
      const email = `new-${randomUUID()}@example.com`;
      await browser.submit(register, { email, password: PASSWORD, name: '' });
      expect((await confirm(await codeMailedTo(app, email))).status).to.equal(200);
      expect((await app.app.use(Users).findByEmail(email))?.emailVerified).to.equal(true);
    });

    it('mails again when the user asks, until the address is verified', async () => {
      const user = await createUser(app);
      const browser = await signedInBrowser(app, user);
      const ask = () => browser.request('/auth/email/verify', { method: 'POST' });
      const asked = await ask();
      expect(asked.status).to.equal(202);
      expect(asked.json()).to.deep.equal({ status: 'check-mail' });
      expect((await confirm(await codeMailedTo(app, user.email))).status).to.equal(200);
      expect((await ask()).json()).to.deep.equal({ status: 'verified' });
      expect(await templatesTo(app, user.email)).to.have.lengthOf(1);
      const anonymous = await app.browser().request('/auth/email/verify', { method: 'POST' });
      expect(anonymous.status).to.equal(401);
    });

    it('SEC-13 a link verifies the address that it was sent to, no later one', async () => {
      const user = await createUser(app);
      const browser = await signedInBrowser(app, user);
      await browser.request('/auth/email/verify', { method: 'POST' });
      const code = await codeMailedTo(app, user.email);
      await app.app
        .use(Users)
        .changeEmail(
          { id: user.id, emailCanonical: user.email, rolesVersion: user.rolesVersion },
          { email: `moved-${randomUUID()}@example.com`, verified: false },
        );
      expect((await confirm(code)).status).to.equal(410);
      expect((await app.app.use(Users).find(user.id))?.emailVerified).to.equal(false);
    });
  });
}

describe('verification of e-mail addresses without mail', () => {
  let app: TestApp;
  before(async () => {
    app = await startTestApp({ origin: 'https://auth.example.com' });
  });
  after(() => app.close());

  it('says that there is no mail', async () => {
    const browser = await signedInBrowser(app, await createUser(app));
    const verify = await browser.request('/auth/email/verify', { method: 'POST' });
    const json = { email: 'ana@example.com' };
    const forgot = await browser.request('/auth/password/forgot', { json });
    for (const answer of [verify, forgot]) {
      expect(answer.status).to.equal(409);
      expect(answer.json()['type']).to.equal('urn:problem:email-links:mail-disabled');
    }
    const rp = await createRelyingParty(app);
    expect((await rp.authorize(app.browser())).text).to.not.contain('Forgot your password?');
  });
});
