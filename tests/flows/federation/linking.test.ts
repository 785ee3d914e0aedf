import { expect } from 'chai';
import { Users } from '../../../src/plugins/users/contract.ts';
import type { Browser } from '../../support/browser.ts';
import { login, PASSWORD, signedInBrowser } from '../../support/people.ts';
import { codeOf, createRelyingParty } from '../../support/relying-party.ts';
import {
  createVerifiedUser,
  isCallback,
  me,
  newPerson,
  type Stage,
  signInWith,
  startStage,
  walk,
  walkTo,
} from './stage.ts';

interface Identity {
  readonly provider: string;
  readonly email: string;
  readonly has_tokens: boolean;
}

const identitiesOf = async (browser: Browser): Promise<Identity[]> =>
  (await browser.request('/oauth2/identities')).json<{ identities: Identity[] }>().identities;

const beginLink = (browser: Browser, provider: string, json: object = {}) =>
  browser.request(`/oauth2/${provider}/link`, { json });

const unlink = (browser: Browser, provider: string) =>
  browser.request(`/oauth2/${provider}/link`, { method: 'DELETE' });

describe('connecting accounts of other providers', () => {
  let stage: Stage;
  /** Milliseconds that the server's clock is ahead. */
  let ahead = 0;
  before(async () => {
    stage = await startStage({
      clock: { now: () => Date.now() + ahead },
      settings: { FEDERATION_STORE_TOKENS: 'on', CORS_ORIGINS: 'https://app.example.com' },
    });
  });
  after(() => stage.close());
  afterEach(() => {
    ahead = 0;
  });

  const authorizationUrl = async (browser: Browser, provider: string, json?: object) => {
    const answer = await beginLink(browser, provider, json);
    expect(answer.status, answer.text).to.equal(200);
    return answer.json<{ authorization_url: string }>().authorization_url;
  };

  const link = async (browser: Browser, provider: string, json?: object) =>
    walk(browser, await browser.request(await authorizationUrl(browser, provider, json)));

  /** Signed in with Google, without a password. */
  const newcomer = async (): Promise<Browser> => {
    newPerson(stage.google);
    const browser = stage.app.browser();
    await signInWith(browser, 'google');
    return browser;
  };

  it('links, lists and unlinks; sign-in with either leads to the same user', async () => {
    const { app, acme } = stage;
    const user = await createVerifiedUser(app);
    const browser = await signedInBrowser(app, user);
    const email = newPerson(acme);
    const landed = await link(browser, 'acme', { return_to: '/oauth2/identities' });
    expect(landed.url).to.match(/\/oauth2\/identities$/);
    const [identity] = await identitiesOf(browser);
    expect(identity).to.include({ provider: 'acme', label: 'Acme Staff', email });
    const other = app.browser();
    await signInWith(other, 'acme');
    expect(await me(other)).to.include({ id: user.id, email: user.email });
    expect((await link(browser, 'acme')).text).to.include('Acme Staff is connected');
    expect((await unlink(browser, 'acme')).status).to.equal(204);
    expect(await identitiesOf(browser)).to.deep.equal([]);
    expect((await unlink(browser, 'acme')).status).to.equal(404);
  });

  it('SEC-72 never takes the last way to sign in, also not by two requests at once', async () => {
    const browser = await newcomer();
    const refused = await unlink(browser, 'google');
    expect(refused.status).to.equal(409);
    expect(refused.json()['type']).to.equal('urn:problem:federation:last-way-in');
    newPerson(stage.acme);
    await link(browser, 'acme');
    const answers = await Promise.all(['google', 'acme'].map((id) => unlink(browser, id)));
    expect(answers.map(({ status }) => status).sort()).to.deep.equal([204, 409]);
    expect(await identitiesOf(browser)).to.have.lengthOf(1);
  });

  it('SEC-74 needs a sign-in of the last 5 minutes, to link, unlink and revoke', async () => {
    const { app, acme } = stage;
    const user = await createVerifiedUser(app);
    const browser = await signedInBrowser(app, user);
    newPerson(acme);
    await link(browser, 'acme');
    ahead = 301_000;
    for (const answer of [
      await beginLink(browser, 'google'),
      await unlink(browser, 'acme'),
      await browser.request('/oauth2/acme/revoke', { method: 'POST' }),
    ]) {
      expect(answer.status).to.equal(403);
      expect(answer.json()['type']).to.match(/reauthentication-required$/);
    }
    await browser.request('/auth/reauthenticate', { json: { password: PASSWORD } });
    expect((await unlink(browser, 'acme')).status).to.equal(204);
  });

  it('SEC-74 a page on another site can neither begin to link nor unlink', async () => {
    const browser = await newcomer();
    const headers = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example.net' };
    const post = { method: 'POST', json: {}, headers };
    for (const [path, options] of [
      ['/oauth2/acme/link', post],
      ['/oauth2/google/revoke', { method: 'POST', headers }],
      ['/oauth2/google/link', { method: 'DELETE', headers }],
    ] as const) {
      expect((await browser.request(path, options)).status, path).to.equal(403);
    }
    const form = { method: 'POST', form: { return_to: '/' } };
    expect((await browser.request('/oauth2/acme/link', form)).status).to.be.oneOf([403, 415]);
    for (const method of ['GET', 'HEAD', 'OPTIONS']) {
      await browser.request('/oauth2/google/link', { method });
    }
    expect(await identitiesOf(browser)).to.have.lengthOf(1);
  });

  it('SEC-74 CVE-2026-105207 link CSRF: the attacker’s link does nothing in the victim’s browser, nor their callback', async () => {
    const { app, acme } = stage;
    const attacker = await signedInBrowser(app, await createVerifiedUser(app));
    const victim = await signedInBrowser(app, await createVerifiedUser(app));
    newPerson(acme);
    const url = await authorizationUrl(attacker, 'acme');
    const asVictim = await walk(victim, await victim.request(url));
    expect(asVictim.status).to.equal(400);
    const second = await authorizationUrl(attacker, 'acme');
    const back = await walkTo(attacker, await attacker.request(second), isCallback);
    expect((await victim.request(back.href)).status).to.equal(400);
    for (const browser of [attacker, victim]) {
      expect(await identitiesOf(browser)).to.deep.equal([]);
    }
  });

  it('SEC-74 CVE-2026-105207 who signed out, or is somebody else by now, links nothing', async () => {
    const { app, acme } = stage;
    const user = await createVerifiedUser(app);
    const next = await createVerifiedUser(app);
    const browser = await signedInBrowser(app, user);
    newPerson(acme);
    const first = await walkTo(
      browser,
      await browser.request(await authorizationUrl(browser, 'acme')),
      isCallback,
    );
    await browser.request('/auth/logout', { method: 'POST' });
    expect((await browser.request(first.href)).status).to.equal(400);
    await login(browser, user);
    const second = await walkTo(
      browser,
      await browser.request(await authorizationUrl(browser, 'acme')),
      isCallback,
    );
    await login(browser, next);
    expect((await browser.request(second.href)).status).to.equal(400);
    expect(await identitiesOf(browser)).to.deep.equal([]);
  });

  it('an identity belongs to one user; a user has one of each provider', async () => {
    const { app, acme } = stage;
    const first = await signedInBrowser(app, await createVerifiedUser(app));
    const second = await signedInBrowser(app, await createVerifiedUser(app));
    newPerson(acme);
    await link(first, 'acme');
    const taken = await link(second, 'acme');
    expect(taken.status).to.equal(409);
    expect(taken.text).to.include('connected to another account');
    newPerson(acme);
    expect((await link(first, 'acme')).text).to.include('Another account of this provider');
  });

  it('SEC-72 with a session of the last minutes the question needs no password, with an older one it does', async () => {
    const { app, google } = stage;
    const user = await createVerifiedUser(app);
    newPerson(google, { email: user.email });
    const browser = await signedInBrowser(app, user);
    ahead = 301_000;
    const old = await signInWith(browser, 'google');
    expect(old.text).to.include('type="password"');
    // Nothing typed is no answer.
    const empty = await browser.submit(old, {});
    expect(empty.status).to.equal(401);
    expect(await identitiesOf(browser)).to.deep.equal([]);
    ahead = 0;
    const fresh = await signInWith(browser, 'google');
    expect(fresh.text).to.include('Connect and sign in').and.not.include('type="password"');
    await browser.submit(fresh);
    expect(await identitiesOf(browser)).to.have.lengthOf(1);
  });

  it('SEC-72 the question is answered in the browser that was asked, once, and guesses are counted', async () => {
    const { app, google } = stage;
    const user = await createVerifiedUser(app);
    newPerson(google, { email: user.email });
    const browser = app.browser();
    const page = await signInWith(browser, 'google');
    const other = app.browser();
    await signInWith(other, 'google');
    expect((await other.request(page.url)).status).to.equal(400);
    const [, csrf = ''] = /name="_csrf" value="([^"]+)"/.exec(page.text) ?? [];
    const forged = { _csrf: csrf, password: PASSWORD };
    const headers = { 'sec-fetch-site': 'same-origin' };
    expect((await other.request(page.url, { form: forged, headers })).status).to.equal(400);
    const form = { password: PASSWORD };
    expect((await browser.request(page.url, { form, headers })).status, 'no token').to.equal(403);
    await browser.submit(page, { password: PASSWORD });
    expect(await me(browser)).to.include({ id: user.id });
    expect((await browser.request(page.url)).status).to.equal(400);
  });

  it('without password and recent session the page says what to do instead', async () => {
    const { app, google, acme } = stage;
    const email = newPerson(google);
    await signInWith(app.browser(), 'google');
    acme.person = { sub: `other-${email}`, claims: { email, email_verified: true } };
    const browser = app.browser();
    const page = await signInWith(browser, 'acme');
    expect(page.status).to.equal(409);
    expect(page.text).to.include('You have an account already').and.include('by mail');
    expect(page.text).not.to.include('<form');
    const posted = await browser.request(page.url, {
      form: { password: '' },
      headers: { 'sec-fetch-site': 'same-origin' },
    });
    expect(posted.status).to.equal(403);
    expect(await me(browser)).to.equal(undefined);
  });

  it('CVE-2026-63203 no answer shows stored tokens, and a token for openid alone reads no identities', async () => {
    const { app, google } = stage;
    const browser = await newcomer();
    const rows = await app.storage.db.query<{ tokens: string }>(
      { name: 'test-tokens', text: 'SELECT tokens FROM identities WHERE subject = $1' },
      [google.person.sub],
    );
    const sealed = rows[0]?.tokens ?? '';
    expect(sealed.split('.'), 'a JWE').to.have.lengthOf(5);
    const answers = await Promise.all(
      ['/oauth2/identities', '/auth/me', '/auth/sessions'].map((path) => browser.request(path)),
    );
    for (const { text } of answers)
      expect(text)
        .not.to.include(sealed)
        .and.not.match(/access_token"/);
    expect((await identitiesOf(browser))[0]).to.include({ has_tokens: true });
    const rp = await createRelyingParty(app);
    const { body } = await rp.redeem(codeOf(await rp.authorize(browser)));
    const headers = { authorization: `Bearer ${body.access_token}` };
    for (const [path, method] of [
      ['/oauth2/identities', 'GET'],
      ['/oauth2/google/revoke', 'POST'],
      ['/oauth2/google/link', 'DELETE'],
    ] as const) {
      const answer = await app.browser().request(path, { method, headers });
      expect(answer.status, path).to.equal(403);
    }
  });

  it('revoke gives the grant back upstream and forgets the tokens, once', async () => {
    const { google } = stage;
    const browser = await newcomer();
    const revoked = google.revocations;
    const before = revoked.length;
    const revoke = () => browser.request('/oauth2/google/revoke', { method: 'POST' });
    expect((await revoke()).status).to.equal(204);
    expect(revoked).to.have.lengthOf(before + 1);
    expect((await identitiesOf(browser))[0]).to.include({ has_tokens: false });
    expect((await revoke()).json()['type']).to.match(/nothing-to-revoke$/);
    expect((await browser.request('/oauth2/acme/revoke', { method: 'POST' })).status).to.equal(404);
  });

  it('a user who was deleted leaves no identity', async () => {
    const { app, google } = stage;
    const browser = await newcomer();
    const id = String((await me(browser))?.['id']);
    const exported = await app.app.use(Users).find(id);
    expect(exported?.id).to.equal(id);
    expect((await browser.request('/auth/me', { method: 'DELETE' })).status).to.equal(204);
    const rows = await app.storage.db.query(
      { name: 'test-left', text: 'SELECT 1 FROM identities WHERE subject = $1' },
      [google.person.sub],
    );
    expect(rows).to.deep.equal([]);
  });
});
