/** Signing in, registering, confirming and changing the account inside an authorization request. */
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { decodeJwt } from 'jose';
import { type User, Users } from '../../src/plugins/users/contract.ts';
import { type Answer, type Browser, type Form, forms } from '../support/browser.ts';
import { createUser, PASSWORD, signedInBrowser, signIn } from '../support/people.ts';
import {
  codeOf,
  createRelyingParty,
  errorOf,
  type RelyingParty,
} from '../support/relying-party.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';

const step =
  (name: string) =>
  ({ action }: Form): boolean =>
    action.endsWith(`/${name}`);
const hasStep = (page: Answer, name: string): boolean => forms(page).some(step(name));

/** Follows a link of a page by the last segment of its address. */
async function click(browser: Browser, page: Answer, name: string): Promise<Answer> {
  const href = new RegExp(`href="([^"]*/${name})"`).exec(page.text)?.[1];
  if (!href) throw new Error(`no link to ${name} on ${page.url}`);
  return browser.open(new URL(href, page.url).href);
}

for (const store of storeKinds) {
  describe(`sign-in pages, state store on ${store}`, () => {
    let app: TestApp;
    let rp: RelyingParty;
    let user: User;

    before(async () => {
      app = await startTestApp({ store });
      rp = await createRelyingParty(app);
      user = await createUser(app);
    });
    after(() => app.close());

    const personOf = async (answer: Answer): Promise<{ sub: unknown; sid: unknown }> => {
      const { body } = await rp.redeem(codeOf(answer));
      const { sub, sid } = decodeJwt(body.access_token ?? '');
      expect(decodeJwt(body.id_token ?? '').sub).to.equal(sub);
      return { sub, sid };
    };

    it('asks again after a wrong password, and goes on after the right one', async () => {
      const browser = app.browser();
      const page = await rp.authorize(browser);
      const again = await signIn(browser, page, user, 'wrong password here');
      expect(again.status).to.equal(401);
      expect(forms(again)[0]?.fields['email']).to.equal(user.email);
      expect(again.text).not.to.contain('wrong password here');
      expect((await personOf(await signIn(browser, again, user))).sub).to.equal(user.id);
    });

    it('goes back to the client when the person cancels', async () => {
      const browser = app.browser();
      const page = await rp.authorize(browser, { state: 'mine' });
      const back = await browser.submit(page, {}, step('cancel'));
      expect(Object.fromEntries(back.location?.searchParams ?? [])).to.include({
        error: 'access_denied',
        state: 'mine',
        iss: app.issuer,
      });
    });

    describe('registration inside a request', () => {
      const register = async (browser: Browser, fields: Record<string, string>) =>
        browser.submit(
          await click(browser, await rp.authorize(browser), 'register'),
          fields,
          step('register'),
        );

      it('makes the account, signs in and goes on', async () => {
        const email = `new-${randomUUID()}@example.com`;
        const browser = app.browser();
        const answer = await register(browser, { name: 'New Person', email, password: PASSWORD });
        const { sub } = await personOf(answer);
        const created = await app.app.use(Users).findByEmail(email);
        expect(created?.id).to.equal(sub);
        expect(created?.name).to.equal('New Person');
        codeOf(await rp.authorize(browser, { prompt: 'none' }));
      });

      it('shows what is wrong at the field, and keeps what was typed', async () => {
        const email = `new-${randomUUID()}@example.com`;
        const browser = app.browser();
        const page = await register(browser, { email, password: 'short', name: 'New Person' });
        expect(page.status).to.be.within(400, 422);
        expect(page.text).to.contain('id="password-error"');
        expect(forms(page)[0]?.fields).to.include({ email, name: 'New Person', password: '' });
        const answer = await browser.submit(page, { password: PASSWORD }, step('register'));
        expect((await personOf(answer)).sub).to.be.a('string');
      });

      it('does not take an address that is taken', async () => {
        const browser = app.browser();
        const page = await register(browser, { email: user.email, password: PASSWORD });
        expect(page.status).to.equal(409);
        expect(page.text).to.contain('id="email-error"');
        expect(errorOf(await rp.authorize(browser, { prompt: 'none' }))).to.equal('login_required');
      });

      it('is closed when the server says so', async () => {
        const closed = await startTestApp({ store, settings: { REGISTRATION: 'closed' } });
        try {
          const client = await createRelyingParty(closed);
          const browser = closed.browser();
          const page = await client.authorize(browser);
          expect(page.text).not.to.contain('/register');
          expect((await browser.open(`${page.url}/register`)).status).to.equal(403);
          const form = { ...forms(page)[0]?.fields, email: 'a@example.com', password: PASSWORD };
          const posted = await browser.request(`${page.url}/register`, {
            form,
            headers: { 'sec-fetch-site': 'same-origin' },
          });
          expect(posted.status).to.equal(403);
          expect(await closed.app.use(Users).findByEmail('a@example.com')).to.equal(undefined);
        } finally {
          await closed.close();
        }
      });
    });

    describe('prompt=login', () => {
      it('confirms the same person: same session, new proof', async () => {
        const browser = await signedInBrowser(app, user);
        const before = await personOf(await rp.authorize(browser));
        const page = await rp.authorize(browser, { prompt: 'login' });
        expect(page.text).to.contain(user.email);
        const answer = await browser.submit(page, { password: PASSWORD }, step('again'));
        expect(await personOf(answer)).to.deep.equal(before);
        expect((await browser.request('/auth/me')).status).to.equal(200);
      });

      it('lets another person in instead, in a session of their own', async () => {
        const browser = await signedInBrowser(app, user);
        const before = await personOf(await rp.authorize(browser));
        const next = await createUser(app);
        const page = await click(
          browser,
          await rp.authorize(browser, { prompt: 'login' }),
          'other',
        );
        expect(page.text).to.contain('Signing in with another account');
        const after = await personOf(await signIn(browser, page, next));
        expect(after.sub).to.equal(next.id);
        expect(after.sid).not.to.equal(before.sid);
      });
    });

    describe('prompt=select_account', () => {
      it('goes on with the account that is signed in, without a password', async () => {
        const browser = await signedInBrowser(app, user);
        const before = await personOf(await rp.authorize(browser));
        const page = await rp.authorize(browser, { prompt: 'select_account' });
        expect(page.text).to.contain(user.email);
        const answer = await browser.submit(page, { choice: 'continue' }, step('choose'));
        expect(await personOf(answer)).to.deep.equal(before);
      });

      it('changes the account by plain form posts', async () => {
        const browser = await signedInBrowser(app, user);
        const before = await personOf(await rp.authorize(browser));
        const next = await createUser(app);
        const choice = await rp.authorize(browser, { prompt: 'select_account' });
        const page = await browser.submit(choice, { choice: 'another' }, step('choose'));
        expect(hasStep(page, 'login')).to.equal(true);
        const after = await personOf(await signIn(browser, page, next));
        expect(after.sub).to.equal(next.id);
        expect(after.sid).not.to.equal(before.sid);
        const silent = await personOf(await rp.authorize(browser, { prompt: 'none' }));
        expect(silent).to.deep.equal(after);
        expect((await browser.request('/auth/me')).status).to.equal(401);
      });

      it('keeps the session when the same person signs in again there', async () => {
        const browser = await signedInBrowser(app, user);
        const before = await personOf(await rp.authorize(browser));
        const choice = await rp.authorize(browser, { prompt: 'select_account' });
        const page = await browser.submit(choice, { choice: 'another' }, step('choose'));
        expect(await personOf(await signIn(browser, page, user))).to.deep.equal(before);
      });

      it('signs in who is not signed in', async () => {
        const browser = app.browser();
        const page = await rp.authorize(browser, { prompt: 'select_account' });
        expect(hasStep(page, 'login')).to.equal(true);
        expect((await personOf(await signIn(browser, page, user))).sub).to.equal(user.id);
      });

      it('asks for both: the account and then the password', async () => {
        const browser = await signedInBrowser(app, user);
        const page = await rp.authorize(browser, { prompt: 'select_account login' });
        const next = await browser.submit(page, { choice: 'continue' }, step('choose'));
        expect(hasStep(next, 'again')).to.equal(true);
        const answer = await browser.submit(next, { password: PASSWORD }, step('again'));
        expect((await personOf(answer)).sub).to.equal(user.id);
      });
    });

    it('leads from sign-in to consent to the client', async () => {
      const third = await createRelyingParty(app, { first_party: false });
      const browser = app.browser();
      const consent = await signIn(browser, await third.authorize(browser), user);
      expect(hasStep(consent, 'allow')).to.equal(true);
      const answer = await browser.submit(consent, {}, step('allow'));
      expect((await third.redeem(codeOf(answer))).status).to.equal(200);
    });

    it('shows the sign-in page to who was disabled meanwhile, not an error', async () => {
      const person = await createUser(app);
      const browser = await signedInBrowser(app, person);
      const choice = await rp.authorize(browser, { prompt: 'select_account' });
      await app.app.use(Users).disable(person.id);
      const silent = await rp.authorize(browser, { prompt: 'none' });
      expect(errorOf(silent)).to.equal('login_required');
      expect(hasStep(await rp.authorize(browser), 'login')).to.equal(true);
      const stale = await browser.submit(choice, { choice: 'continue' }, step('choose'));
      expect(stale.location?.searchParams.has('code') ?? false).to.equal(false);
      expect(stale.status).to.be.lessThan(500);
    });
  });
}
