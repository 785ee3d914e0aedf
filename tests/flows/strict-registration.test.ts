import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { Users } from '../../src/plugins/users/contract.ts';
import type { Answer } from '../support/browser.ts';
import { codeMailedTo, templatesTo } from '../support/mailed-links.ts';
import { createUser, login, PASSWORD } from '../support/people.ts';
import { createRelyingParty } from '../support/relying-party.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';

const newEmail = (): string => `new-${randomUUID()}@example.com`;

for (const store of storeKinds) {
  describe(`REGISTRATION=strict, state store on ${store}`, () => {
    let app: TestApp;
    before(async () => {
      app = await startTestApp({ store, settings: { REGISTRATION: 'strict' } });
    });
    after(() => app.close());

    const register = (email: string, password = PASSWORD): Promise<Answer> =>
      app.browser().request('/auth/register', { json: { email, password, name: 'Ana Ruiz' } });
    const confirm = (token: string, password = PASSWORD) =>
      app.browser().request('/auth/email/confirm', { json: { token, password } });
    const find = (email: string) => app.app.use(Users).findByEmail(email);

    it('SEC-16 nobody is registered before the mailed link is followed', async () => {
      const email = newEmail();
      expect((await register(email)).status).to.equal(202);
      expect(await find(email)).to.equal(undefined);
      const attempt = { json: { email, password: PASSWORD } };
      expect((await app.browser().request('/auth/login', attempt)).status).to.equal(401);
      const code = await codeMailedTo(app, email);
      const answer = await confirm(code);
      expect(answer.status).to.equal(200);
      expect(answer.json()).to.deep.equal({ status: 'registered' });
      expect(answer.setCookies).to.deep.equal([]);
      expect(await find(email)).to.deep.include({ name: 'Ana Ruiz', emailVerified: true });
      expect((await app.browser().request('/auth/login', attempt)).status).to.equal(200);
      expect((await confirm(code)).status).to.equal(410);
    });

    it('SEC-16 answers the same for a taken address, whose owner is told by mail', async () => {
      const owner = await createUser(app);
      const email = newEmail();
      const answers = [await register(owner.email.toUpperCase()), await register(email)];
      const [taken, fresh] = answers.map(({ status, text, setCookies, headers }) => ({
        status,
        text,
        setCookies,
        headers: [...headers.keys()],
      }));
      expect(taken).to.deep.equal(fresh);
      expect(fresh).to.deep.include({ status: 202, text: '{"status":"check-mail"}' });
      expect(fresh?.setCookies).to.deep.equal([]);
      expect(await templatesTo(app, owner.email)).to.deep.equal(['already-registered']);
      expect((await login(app.browser(), owner)).status).to.equal(200);
    });

    it('D7 refuses a bad password behind the link, which still works', async () => {
      const email = newEmail();
      expect((await register(email, 'short')).status).to.equal(202);
      const code = await codeMailedTo(app, email);
      const refused = await confirm(code, 'short');
      expect(refused.status).to.equal(400);
      expect(refused.text).to.contain('#/password');
      expect((await confirm(code)).status).to.equal(200);
    });

    it('refuses what is no address, and a profile that is none, in the same way', async () => {
      const owner = await createUser(app);
      expect((await register('a@b@c')).status).to.equal(400);
      for (const email of [owner.email, newEmail()]) {
        const json = { email, name: '<b>\u0007' };
        expect((await app.browser().request('/auth/register', { json })).status).to.equal(400);
      }
    });

    it('SEC-12 SEC-73 of two who ask for one address the first to follow the link gets it', async () => {
      const email = newEmail();
      await register(email, 'ten calm finches swim');
      const stale = await codeMailedTo(app, email);
      await register(email.toUpperCase());
      const code = await codeMailedTo(app, email.toUpperCase());
      expect((await confirm(code)).status).to.equal(200);
      expect((await confirm(stale, 'ten calm finches swim')).status).to.equal(410);
      const user = await find(email);
      if (!user) throw new Error('nobody was registered');
      expect((await login(app.browser(), user)).status).to.equal(200);
      expect((await login(app.browser(), user, 'ten calm finches swim')).status).to.equal(401);
    });

    it('SEC-16 the hosted page says the same for both', async () => {
      const owner = await createUser(app);
      const rp = await createRelyingParty(app);
      const texts: string[] = [];
      for (const email of [owner.email, newEmail()]) {
        const browser = app.browser();
        const page = await rp.authorize(browser);
        const form = await browser.open(`${page.url}/register`);
        const answer = await browser.submit(form, { email });
        expect(answer.status).to.equal(200);
        expect(await browser.cookie('authsrv-session')).to.equal(undefined);
        texts.push(
          answer.text
            .replaceAll(email, 'EMAIL')
            .replaceAll(/\/interaction\/[\w-]+/g, '/interaction/UID'),
        );
      }
      expect(texts[0]).to.contain('Check your mail');
      expect(texts[0]).to.equal(texts[1]);
    });
  });
}
