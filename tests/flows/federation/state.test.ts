import { expect } from 'chai';
import type { Storage } from '../../../src/storage/open-storage.ts';
import type { Browser } from '../../support/browser.ts';
import { createRelyingParty } from '../../support/relying-party.ts';
import {
  authorizePath,
  isCallback,
  me,
  newPerson,
  type Stage,
  signInWith,
  startStage,
  walk,
  walkTo,
} from './stage.ts';

/** What was written to the state store, by key. */
const lifetimes = new Map<string, number>();

const recording = (storage: Storage): Storage => ({
  ...storage,
  store: {
    ...storage.store,
    set: (key, value, ttl) => {
      lifetimes.set(key, ttl);
      return storage.store.set(key, value, ttl);
    },
  },
});

describe('state, nonce and PKCE of a sign-in with another provider', () => {
  let stage: Stage;
  before(async () => {
    stage = await startStage({ wrapStorage: recording });
  });
  after(() => stage.close());

  /** As far as the redirect back to us, which is not followed. */
  const leaveAndReturn = async (browser: Browser, provider = 'google'): Promise<URL> =>
    walkTo(browser, await browser.request(authorizePath(provider)), isCallback);

  const refused = async (browser: Browser, url: URL | string): Promise<void> => {
    const answer = await browser.request(String(url), { headers: { accept: 'text/html' } });
    expect(answer.status).to.equal(400);
    expect(answer.text).to.include('This sign-in is no longer valid');
    expect(await me(browser)).to.equal(undefined);
  };

  it('SEC-67 all three are sent, 256 bits each, S256, and kept for at most 10 minutes', async () => {
    newPerson(stage.google);
    const sent: URLSearchParams[] = [];
    for (let i = 0; i < 2; i += 1) {
      await signInWith(stage.app.browser(), 'google');
      sent.push(stage.google.requests.at(-1) ?? new URLSearchParams());
    }
    for (const name of ['state', 'nonce', 'code_challenge']) {
      const values = sent.map((one) => one.get(name) ?? '');
      for (const value of values) expect(Buffer.from(value, 'base64url')).to.have.lengthOf(32);
      expect(new Set(values).size, name).to.equal(2);
    }
    expect(sent[0]?.get('code_challenge_method')).to.equal('S256');
    const flows = [...lifetimes].filter(([key]) => key.startsWith('federation:'));
    expect(flows).to.not.have.lengthOf(0);
    for (const [key, ttl] of flows) {
      expect(ttl).to.be.at.most(600);
      expect(key, 'only a hash of the state is stored').not.to.include(sent[0]?.get('state'));
    }
  });

  it('SEC-67 a response works once, also for parallel requests', async () => {
    newPerson(stage.google);
    const browser = stage.app.browser();
    const back = await leaveAndReturn(browser);
    const cookies = await browser.jar.getCookieString(back.href);
    const answers = await Promise.all(
      Array.from({ length: 8 }, () =>
        stage.app.browser().request(back.href, { headers: { cookie: cookies } }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).to.deep.equal([200, ...Array(7).fill(400)]);
    await refused(stage.app.browser(), back);
  });

  it('SEC-67 CVE-2026-73419 GHSA-7r7x-4c4q-c4qf a response is bound to the browser that left', async () => {
    newPerson(stage.google);
    const back = await leaveAndReturn(stage.app.browser());
    const other = stage.app.browser();
    await leaveAndReturn(other);
    await refused(other, back);
    const stripped = await leaveAndReturn(stage.app.browser());
    await refused(stage.app.browser(), stripped);
  });

  it('SEC-67 CVE-2026-73419 state and code of one provider are worth nothing at another', async () => {
    newPerson(stage.google);
    newPerson(stage.acme);
    const browser = stage.app.browser();
    const atGoogle = await leaveAndReturn(browser, 'google');
    const atAcme = await leaveAndReturn(browser, 'acme');
    const swapped = new URL(atAcme);
    swapped.searchParams.set('state', atGoogle.searchParams.get('state') ?? '');
    await refused(browser, swapped);
    const whole = new URL(atAcme.href.replace('/acme/', '/google/'));
    await refused(browser, whole);
    const iss = new URL(await leaveAndReturn(browser, 'google'));
    iss.searchParams.set('iss', stage.acme.issuer);
    expect((await browser.request(iss.href)).status, 'RFC 9207').to.equal(502);
    expect(await me(browser)).to.equal(undefined);
  });

  it('SEC-68 GHSA-wxw3-q3m9-c3jr a missing, empty, repeated or foreign state is refused', async () => {
    newPerson(stage.google);
    const browser = stage.app.browser();
    for (const state of [undefined, '', 'x', 'A'.repeat(43), '\0'.repeat(43)]) {
      const back = await leaveAndReturn(browser);
      back.searchParams.delete('state');
      if (state !== undefined) back.searchParams.set('state', state);
      await refused(browser, back);
    }
    const one = await leaveAndReturn(browser);
    const two = await leaveAndReturn(browser);
    one.searchParams.append('state', two.searchParams.get('state') ?? '');
    const answer = await browser.request(one.href);
    expect(answer.status).to.be.oneOf([400, 502]);
    expect(await me(browser)).to.equal(undefined);
  });

  it('SEC-68 the code of one sign-in does not fit into another of the same browser (PKCE, nonce)', async () => {
    newPerson(stage.google);
    const browser = stage.app.browser();
    const one = await leaveAndReturn(browser);
    const two = await leaveAndReturn(browser);
    two.searchParams.set('code', one.searchParams.get('code') ?? '');
    const answer = await browser.request(two.href);
    expect(answer.status).to.equal(502);
    expect(answer.text).not.to.match(/at .*\.ts|node_modules/);
    expect(await me(browser)).to.equal(undefined);
  });

  it('two tabs do not end each other’s sign-in', async () => {
    newPerson(stage.google);
    const browser = stage.app.browser();
    const one = await leaveAndReturn(browser);
    await leaveAndReturn(browser);
    expect((await browser.request(one.href)).status).to.equal(200);
  });

  it('CVE-2026-105215 nobody can post an identity to the callback', async () => {
    newPerson(stage.google);
    const browser = stage.app.browser();
    const back = await leaveAndReturn(browser);
    const form = {
      state: back.searchParams.get('state') ?? '',
      subject: 'x',
      email: 'a@b.example',
    };
    const headers = { 'sec-fetch-site': 'same-origin' };
    for (const path of ['/oauth2/google/callback', '/oauth2/google/authorize']) {
      const posted = await browser.request(path, { form, headers });
      expect(posted.status).to.be.oneOf([404, 405]);
    }
    const query = new URLSearchParams(form);
    await refused(browser, `${stage.app.issuer}/oauth2/acme/callback?${query}`);
    expect(await me(browser)).to.equal(undefined);
  });

  it('access denied there is told, and leads back to the sign-in page in an authorization request', async () => {
    newPerson(stage.google);
    stage.google.denies = true;
    try {
      const browser = stage.app.browser();
      const page = await signInWith(browser, 'google');
      expect(page.status).to.equal(403);
      expect(page.text).to.include('You did not finish signing in');
      const rp = await createRelyingParty(stage.app);
      const asked = await rp.authorize(browser);
      const [, href = ''] = /href="([^"]*\/federation\?provider=google)"/.exec(asked.text) ?? [];
      const back = await walk(browser, await browser.request(new URL(href, asked.url).href));
      expect(back.text).to.include('You did not finish').and.include('Continue with Google');
    } finally {
      stage.google.denies = false;
    }
  });
});
