import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { anyAddress, countOf, requestFrom, startLimitedApp } from '../support/limited-app.ts';
import { templatesTo } from '../support/mailed-links.ts';
import { createUser, PASSWORD, signedInBrowser } from '../support/people.ts';
import { storeKinds, type TestApp } from '../support/test-app.ts';

/** RATE_LIMIT_RECIPIENT, RATE_LIMIT_MAIL and RATE_LIMIT_ACCOUNT hold so many. */
const RECIPIENT = 5;
const MAIL = 20;
const ACCOUNT = 10;

for (const store of storeKinds) {
  describe(`limits of mails and password checks, state store on ${store}`, () => {
    let app: TestApp;
    before(async () => {
      app = await startLimitedApp({ store, settings: { REGISTRATION: 'strict' } });
    });
    after(() => app.close());

    const post = (path: string, json: object, ip = anyAddress()) =>
      requestFrom(app, ip, path, { json });

    it('SEC-18 D6 mail one recipient five times of each kind, whoever asks; the answer stays the same', async () => {
      const { email } = await createUser(app);
      const answers = [];
      for (let count = 0; count < RECIPIENT + 2; count += 1) {
        const spelling = count % 2 ? email : email.toUpperCase();
        answers.push(await post('/auth/password/forgot', { email: spelling }));
        answers.push(await post('/auth/register', { email: spelling, password: PASSWORD }));
      }
      const faces = answers.map(({ status, text }) => `${status} ${text}`);
      expect(new Set(faces)).to.deep.equal(new Set(['202 {"status":"check-mail"}']));
      const templates = await templatesTo(app, email);
      for (const kind of ['reset-password', 'already-registered']) {
        const sent = templates.filter((template) => template === kind);
        expect(sent.length, kind).to.be.within(RECIPIENT, RECIPIENT + 1);
      }
    });

    it('SEC-20 B-09 B-22 count mails to one recipient under every spelling', async () => {
      const tag = `m${randomUUID().slice(0, 8)}`;
      const spellings = [`${tag}ας@münchen.example`, `${tag}ΑΣ@xn--mnchen-3ya.example`];
      for (let count = 0; count < RECIPIENT + 3; count += 1) {
        await post('/auth/register', { email: spellings[count % 2] ?? '', password: PASSWORD });
      }
      const sent = await Promise.all(spellings.map((email) => templatesTo(app, email)));
      expect(sent.flat().length).to.be.within(RECIPIENT, RECIPIENT + 1);
    });

    it('SEC-18 let one address of the network ask 20 times, known and unknown alike', async () => {
      const { email } = await createUser(app);
      for (const typed of [email, 'nobody@example.com']) {
        const ip = anyAddress();
        const answers = [];
        for (let count = 0; count < MAIL + 2; count += 1) {
          answers.push(await post('/auth/password/forgot', { email: typed }, ip));
        }
        expect(countOf(answers, 202)).to.be.within(MAIL, MAIL + 1);
        const refused = answers.at(-1);
        expect(refused?.status).to.equal(429);
        expect(Number(refused?.headers.get('retry-after'))).to.be.greaterThan(0);
      }
    });

    it('SEC-9 SEC-21 count a wrong password at the change of the address as one at sign-in in that browser', async () => {
      const user = await createUser(app);
      const browser = await signedInBrowser(app, user);
      const change = (password: string) =>
        browser.request('/auth/email', {
          method: 'PUT',
          json: { email: 'moved@example.org', current_password: password },
          headers: { 'x-forwarded-for': anyAddress() },
        });
      const answers = [];
      for (let count = 0; count < ACCOUNT; count += 1) answers.push(await change('wrong password'));
      expect(countOf(answers, 401)).to.equal(ACCOUNT);
      const limited = await change(PASSWORD);
      expect(limited.status).to.equal(429);
      const json = { email: user.email, password: PASSWORD };
      const headers = { 'x-forwarded-for': anyAddress() };
      expect((await browser.request('/auth/login', { json, headers })).status).to.equal(429);
      expect((await post('/auth/login', json)).status).to.equal(200);
      expect(await templatesTo(app, 'moved@example.org')).to.deep.equal([]);
    });
  });
}
