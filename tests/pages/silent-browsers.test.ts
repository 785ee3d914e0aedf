/** Every hosted form in a Chromium whose requests lose headers on the way: older browsers, filters, privacy extensions (B-07). */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { createVerifiedUser, newPerson, providerSettings } from '../flows/federation/stage.ts';
import { forms } from '../support/browser.ts';
import { type HeaderFilter, startHeaderFilter } from '../support/header-filter.ts';
import { codeMailedTo } from '../support/mailed-links.ts';
import { createUser, PASSWORD } from '../support/people.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';
import { type Stage, useStage } from './stage.ts';
import type { Visitor } from './visitor.ts';

const FETCH_METADATA = /^sec-fetch-/;
const ALL = /^(sec-fetch-.*|origin|referer)$/;

describe('pages: browsers that do not say where a form comes from', () => {
  const settings: Record<string, string> = {};
  let google: Upstream;
  let acme: Upstream;
  let filter: HeaderFilter;
  before(async () => {
    [google, acme, filter] = await Promise.all([
      startUpstream(),
      startUpstream(),
      startHeaderFilter(),
    ]);
    Object.assign(settings, providerSettings(google.issuer, acme.issuer));
  });
  const stage: Stage = useStage({ settings });
  before(() => {
    const callback = (id: string) => `${stage.app.issuer}/oauth2/${id}/callback`;
    google.open({ redirectUris: [callback('google')] });
    acme.open({ redirectUris: [callback('acme')], conformIdTokenClaims: true });
  });
  after(() => Promise.all([google.close(), acme.close(), filter.close()]));

  /** One person, whose requests all go through the filter. */
  const visit = (drops: RegExp, steps: (person: Visitor) => Promise<void>) => () => {
    filter.drops = drops;
    filter.posts.length = 0;
    return stage.visit({ javaScriptEnabled: false, proxy: filter.proxy }, steps)();
  };

  const openLink = async (person: Visitor, address: string): Promise<void> =>
    person.open(`/l/${await codeMailedTo(stage.app, address)}`);

  it(
    'B-07 SEC-29 without Sec-Fetch-*, Origin and Referer people register, verify, allow, sign out and in, and switch accounts',
    visit(ALL, async (person) => {
      const rp = await stage.relyingParty({ first_party: false });
      const email = `new-${randomUUID()}@example.com`;
      await person.authorize(rp);
      await person.follow('Create an account');
      await person.fill('E-mail', email);
      await person.fill('Password', PASSWORD);
      await person.press('Create account');
      await person.press('Allow');
      await person.arrives();
      await person.open('/auth/email/verify');
      await person.press('Send the link');
      await person.sees('Check your mail');
      await openLink(person, email);
      await person.sees('Verify your address');
      await person.press('Verify the address');
      await person.sees('Your address is verified');
      const other = await createUser(stage.app);
      await person.authorize(rp, { prompt: 'select_account' });
      await person.press('Use another account');
      await person.signIn(other, 'not the password');
      await person.sees('Sign in', 401);
      await person.signIn(other);
      await person.press('Deny');
      expect((await person.arrives()).params).to.include({ error: 'access_denied' });
      await person.authorize(rp, { prompt: 'login' });
      await person.fill('Password', PASSWORD);
      await person.press('Continue');
      await person.press('Allow');
      expect((await person.arrives()).params).to.have.property('code');
      await person.open('/oidc/logout');
      await person.press('Sign out');
      await person.sees('You are signed out');
      await person.authorize(rp);
      await person.press('Back to Test App');
      expect((await person.arrives()).params).to.include({ error: 'access_denied' });
      const dropped = filter.posts.flat().filter((header) => ALL.test(header));
      expect(filter.posts).to.have.length.greaterThan(8);
      expect(dropped).to.deep.equal([]);
    }),
  );

  it(
    'B-07 SEC-29 without Sec-Fetch-* people sign in, set a new password, and connect an account of another provider',
    visit(FETCH_METADATA, async (person) => {
      const user = await createVerifiedUser(stage.app);
      const rp = await stage.relyingParty();
      await person.authorize(rp);
      await person.follow('Forgot your password?');
      await person.sees('Forgot your password?');
      await person.fill('E-mail', user.email);
      await person.press('Send the link');
      await person.sees('Check your mail');
      await openLink(person, user.email);
      await person.fill('New password', 'password1234');
      await person.press('Set the password');
      await person.sees('Choose a new password', 400);
      await person.fill('New password', `${PASSWORD} on`);
      await person.press('Set the password');
      await person.sees('Your password is changed');
      const connect = async (password: string): Promise<void> => {
        await person.sees('Connect your account?');
        await person.fill('Password', 'wrong');
        await person.press('Connect and sign in');
        await person.sees('Connect your account?', 401);
        await person.fill('Password', password);
        await person.press('Connect and sign in');
      };
      await person.authorize(rp);
      await person.signIn(user, `${PASSWORD} on`);
      expect((await person.arrives()).params).to.have.property('code');
      await person.context.clearCookies();
      newPerson(acme, { email: user.email });
      await person.authorize(rp);
      await person.follow('Continue with Acme Staff');
      await connect(`${PASSWORD} on`);
      expect((await person.arrives()).params).to.have.property('code');
      await person.context.clearCookies();
      const another = await createVerifiedUser(stage.app);
      newPerson(google, { email: another.email });
      await person.open('/oauth2/google/authorize');
      await connect(PASSWORD);
      await person.sees('You are signed in');
    }),
  );

  it('B-07 SEC-29 a front end under our origin calls the API without Sec-Fetch-*, whatever its Referrer-Policy', () => {
    filter.drops = FETCH_METADATA;
    return stage.visit({ javaScriptEnabled: true, proxy: filter.proxy }, async (person) => {
      // A page of ours with `no-referrer`, whose policy lets scripts call us.
      await person.open('/auth/doc');
      const { email } = await createUser(stage.app);
      const statuses = await person.page.evaluate(
        async (body) => {
          const headers = { 'content-type': 'application/json' };
          const login = await fetch('/auth/login', { method: 'POST', headers, body });
          const referrerPolicy = 'no-referrer';
          const logout = await fetch('/auth/logout', { method: 'POST', referrerPolicy });
          return [login.status, logout.status];
        },
        JSON.stringify({ email, password: PASSWORD }),
      );
      expect(statuses).to.deep.equal([200, 204]);
    })();
  });

  it(
    'B-07 SEC-32 a form in another site’s sandbox, which sends Origin null too, signs nobody in',
    visit(FETCH_METADATA, async (person) => {
      const rp = await stage.relyingParty();
      const attacker = stage.app.browser();
      const page = await rp.authorize(attacker);
      const [own] = forms(page);
      const { email } = await createUser(stage.app);
      const fields = Object.entries({ ...own?.fields, email, password: PASSWORD })
        .map(([name, value]) => `<input name="${name}" value="${value}">`)
        .join('');
      const form = `<form method="post" target="_top" action="${own?.action}">${fields}<button>Win a prize</button></form>`;
      const site = createServer((_request, response) => {
        const sandbox = 'allow-forms allow-top-navigation';
        response.setHeader('content-type', 'text/html');
        response.end(
          `<!doctype html><link rel="icon" href="data:,"><iframe sandbox="${sandbox}" srcdoc='${form}'></iframe>`,
        );
      });
      site.listen(0, '127.0.0.1');
      await once(site, 'listening');
      try {
        await person.open(`http://localhost:${(site.address() as AddressInfo).port}/`);
        const posted = person.page.waitForRequest((request) => request.method() === 'POST');
        await person.page.frameLocator('iframe').getByRole('button').click();
        const request = await posted;
        expect((await request.response())?.status()).to.equal(403);
        expect((await request.allHeaders())['origin']).to.equal('null');
        await person.sees('This form is no longer valid', 403);
        expect(await person.cookie('authsrv-session')).to.equal(undefined);
        await person.authorize(rp, { prompt: 'none' });
        expect((await person.arrives()).params).to.include({ error: 'login_required' });
      } finally {
        site.closeAllConnections();
        site.close();
      }
    }),
  );
});
