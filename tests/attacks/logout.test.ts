/** Signing out at /oidc/logout: never by a link alone, never to a stranger (OIDC RP-Initiated Logout 1.0). */
import { expect } from 'chai';
import type { User } from '../../src/plugins/users/contract.ts';
import { type Answer, type Browser, forms } from '../support/browser.ts';
import { createUser, signedInBrowser } from '../support/people.ts';
import { codeOf, createRelyingParty, type RelyingParty } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

const AFTER = 'https://rp.example.com/signed-out';

describe('RP-initiated logout', () => {
  let app: TestApp;
  let rp: RelyingParty;
  let user: User;
  let browser: Browser;
  let idToken: string;

  before(async () => {
    app = await startTestApp();
    rp = await createRelyingParty(app, { post_logout_redirect_uris: [AFTER] });
  });
  beforeEach(async () => {
    user = await createUser(app);
    browser = await signedInBrowser(app, user);
    idToken = (await rp.redeem(codeOf(await rp.authorize(browser)))).body.id_token ?? '';
  });
  after(() => app.close());

  const logoutUrl = (params: Record<string, string>): string =>
    `/oidc/logout?${new URLSearchParams(params)}`;
  const isSignedIn = async (): Promise<boolean> =>
    (await browser.request('/auth/me')).status === 200 &&
    (await rp.authorize(browser, { prompt: 'none' })).location?.searchParams.has('code') === true;
  const confirm = (page: Answer, fields: Record<string, string> = { logout: 'yes' }) =>
    browser.submit(page, fields);

  it('SEC-63: a link asks, and signs nobody out', async () => {
    for (const params of [
      {},
      { client_id: rp.client.client_id },
      { logout: 'yes' },
      { xsrf: 'x' },
    ]) {
      const page = await browser.open(logoutUrl(params as Record<string, string>));
      expect(page.status).to.equal(200);
      expect(forms(page)).to.have.length(1);
      expect(page.text).not.to.match(/<script/);
      expect(await isSignedIn()).to.equal(true);
    }
  });

  it('SEC-63: it asks with an id_token_hint as well', async () => {
    const page = await browser.open(
      logoutUrl({ id_token_hint: idToken, post_logout_redirect_uri: AFTER }),
    );
    expect(page.status).to.equal(200);
    expect(page.text).to.contain('Test App');
    expect(await isSignedIn()).to.equal(true);
  });

  it('SEC-63: neither GET nor HEAD of the confirmation signs anybody out', async () => {
    const page = await browser.open('/oidc/logout');
    const { action = '', fields = {} } = forms(page)[0] ?? {};
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE']) {
      const url = `${action}?${new URLSearchParams({ ...fields, logout: 'yes' })}`;
      expect((await browser.request(url, { method })).status, method).to.be.oneOf([404, 405]);
    }
    expect(await isSignedIn()).to.equal(true);
  });

  it('SEC-63: "stay signed in" keeps the session', async () => {
    const page = await browser.open('/oidc/logout');
    await confirm(page, {});
    expect(await isSignedIn()).to.equal(true);
  });

  it('SEC-63: the confirmation needs the token of the page', async () => {
    const page = await browser.open('/oidc/logout');
    const { action = '' } = forms(page)[0] ?? {};
    const other = await signedInBrowser(app, await createUser(app));
    const theirs = forms(await other.open('/oidc/logout'))[0]?.fields['xsrf'] ?? '';
    expect(theirs).to.have.length.greaterThan(30);
    const wrong: Record<string, string>[] = [{}, { xsrf: '' }, { xsrf: 'x' }, { xsrf: theirs }];
    for (const fields of wrong) {
      const answer = await browser.request(action, {
        form: { ...fields, logout: 'yes' },
        headers: { accept: 'text/html', 'sec-fetch-site': 'cross-site' },
      });
      expect(answer.status, JSON.stringify(fields)).to.equal(400);
    }
    expect(await isSignedIn()).to.equal(true);
  });

  it('SEC-63: a confirmation without a page that asked is refused', async () => {
    const answer = await browser.request('/oidc/logout/confirm', {
      form: { logout: 'yes', xsrf: '' },
    });
    expect(answer.status).to.equal(400);
    expect(await isSignedIn()).to.equal(true);
  });

  it('SEC-63: post_logout_redirect_uri is exact; anything else is an error page', async () => {
    const mutants = [
      'https://evil.example/',
      `${AFTER}/`,
      `${AFTER}?x=y`,
      `${AFTER}#x`,
      'https://rp.example.com/SIGNED-OUT',
      'https://rp.example.com/signed-out/../evil',
      'https://rp.example.com/%73igned-out',
      'https://rp.example.com@evil.example/signed-out',
      'https://rp.example.com:443/signed-out',
      'http://rp.example.com/signed-out',
      'https://RP.example.com/signed-out',
      'https://rp.example.com\\signed-out',
      '//rp.example.com/signed-out',
      'javascript:alert(1)',
      'data:text/html,x',
      rp.redirectUri,
      ' ',
    ];
    const hints: Record<string, string>[] = [
      { id_token_hint: idToken },
      { client_id: rp.client.client_id },
    ];
    for (const post_logout_redirect_uri of mutants) {
      for (const hint of hints) {
        const page = await browser.open(logoutUrl({ ...hint, post_logout_redirect_uri }));
        expect(page.status, post_logout_redirect_uri).to.equal(400);
        expect(page.headers.get('location')).to.equal(null);
        expect(page.headers.get('content-security-policy')).to.match(/form-action 'self'(;|$)/);
      }
    }
    expect(await isSignedIn()).to.equal(true);
  });

  it('SEC-63: without a client there is nowhere to go but our own page', async () => {
    const page = await browser.open(logoutUrl({ post_logout_redirect_uri: AFTER }));
    const done = await confirm(page);
    expect(done.location).to.equal(undefined);
    expect(done.status).to.equal(200);
    expect(done.text).to.contain('signed out');
    expect(await isSignedIn()).to.equal(false);
  });

  it("SEC-63: another client's registered URI is not this client's", async () => {
    const theirs = 'https://other.example/bye';
    await createRelyingParty(app, { post_logout_redirect_uris: [theirs] });
    const params = { id_token_hint: idToken, post_logout_redirect_uri: theirs };
    expect((await browser.open(logoutUrl(params))).status).to.equal(400);
  });

  it('SEC-63: a hint must be an ID token of ours, and client_id its audience', async () => {
    const other = await createRelyingParty(app);
    const [header, payload] = idToken.split('.');
    const accessToken = (await browser.cookie('authsrv-access')) ?? '';
    const wrong: Record<string, string>[] = [
      { id_token_hint: 'x' },
      { id_token_hint: 'a.b.c' },
      { id_token_hint: `${header}.${payload}.AAAA` },
      { id_token_hint: `eyJhbGciOiJub25lIn0.${payload}.` },
      { id_token_hint: accessToken },
      { id_token_hint: idToken, client_id: other.client.client_id },
      { client_id: 'unknown' },
    ];
    for (const params of wrong) {
      const page = await browser.open(logoutUrl({ ...params, post_logout_redirect_uri: AFTER }));
      expect(page.status, JSON.stringify(params).slice(0, 60)).to.equal(400);
      expect(page.location).to.equal(undefined);
    }
    expect(await isSignedIn()).to.equal(true);
  });

  it('SEC-58: parameters that come twice are refused', async () => {
    for (const name of ['post_logout_redirect_uri', 'client_id', 'id_token_hint', 'state']) {
      const page = await browser.open(`/oidc/logout?${name}=a&${name}=b`);
      expect(page.status, name).to.equal(400);
    }
  });

  it('SEC-63: a state cannot break out of the redirect', async () => {
    const state = 'a&code=stolen#\r\nSet-Cookie: x=y';
    const params = { id_token_hint: idToken, post_logout_redirect_uri: AFTER, state };
    const done = await confirm(await browser.open(logoutUrl(params)));
    expect(done.location?.origin).to.equal('https://rp.example.com');
    expect(done.location?.searchParams.get('state')).to.equal(state);
    expect(done.location?.searchParams.has('code')).to.equal(false);
    expect(done.location?.hash).to.equal('');
  });

  it('SEC-63 B-01: no form-action on the page that asks, so that a client may redirect on', async () => {
    const params = { client_id: rp.client.client_id, post_logout_redirect_uri: AFTER };
    for (const asked of [browser, app.browser()]) {
      const page = await asked.open(logoutUrl(params));
      const policy = page.headers.get('content-security-policy');
      expect(policy).to.match(/^default-src 'none'; ?script-src 'self'; ?style-src 'self';/);
      expect(policy).not.to.contain('form-action');
    }
  });

  it('SEC-63: who is not signed in gets the same page, and the same end', async () => {
    const stranger = app.browser();
    const params = { client_id: rp.client.client_id, post_logout_redirect_uri: AFTER };
    const page = await stranger.open(logoutUrl(params));
    expect(page.text).not.to.match(/<script/);
    const done = await stranger.submit(page, { logout: 'yes' });
    expect(done.location?.href).to.equal(AFTER);
  });

  it('SEC-63: an id_token_hint of another person signs out whoever this browser belongs to, after asking', async () => {
    const other = await signedInBrowser(app, await createUser(app));
    const page = await other.open(logoutUrl({ id_token_hint: idToken }));
    expect(page.status).to.equal(200);
    await other.submit(page, { logout: 'yes' });
    expect((await other.request('/auth/me')).status).to.equal(401);
    expect(await isSignedIn()).to.equal(true);
  });
});
