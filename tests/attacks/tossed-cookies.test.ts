/** Cookies that a sibling subdomain tosses (Domain=example.com), and those that are planted as if it could. */
import { expect } from 'chai';
import { CookieJar } from 'tough-cookie';
import { cookieTable } from '../../src/http/cookies.ts';
import {
  isCallback,
  me,
  newPerson,
  type Stage,
  startStage,
  walk,
  walkTo,
} from '../flows/federation/stage.ts';
import type { Answer, Browser } from '../support/browser.ts';
import { createUser, login, signIn } from '../support/people.ts';
import { createRelyingParty, type RelyingParty } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { cookiesOf } from './set-cookie.ts';

/** Cookies of one browser that another gets, at the same paths. */
async function plant(from: Browser, to: Browser, which: RegExp): Promise<number> {
  const all = (await from.jar.serialize())?.cookies ?? [];
  const chosen = all.filter(({ key }) => which.test(String(key)));
  for (const { key, value, path, domain } of chosen) {
    await to.jar.setCookie(`${key}=${value}; Path=${path}`, `http://${domain}${path}`);
  }
  return chosen.length;
}

describe('D3 what arrives from a provider is bound to the browser that left', () => {
  let stage: Stage;
  let rp: RelyingParty;
  before(async () => {
    stage = await startStage();
    rp = await createRelyingParty(stage.app);
  });
  after(() => stage.close());

  const open = (browser: Browser, url: URL | string): Promise<Answer> =>
    browser.request(String(url), { headers: { accept: 'text/html' } });

  /** The attacker begins an authorization request and leaves it for Google; answers with where the victim is sent. */
  const begin = async (attacker: Browser, prompt?: string): Promise<{ uid: string; away: URL }> => {
    const page = await rp.authorize(attacker, { prompt });
    const uid = page.url.split('/').at(-1) ?? '';
    const left = await open(attacker, `/interaction/${uid}/federation?provider=google`);
    if (!left.location) throw new Error(left.text);
    return { uid, away: left.location };
  };

  /** As far as a browser can get in this authorization request: a code of the application, or none. */
  const codeFor = async (browser: Browser, uid: string): Promise<string | null> => {
    for (const path of [`/interaction/${uid}/federated`, `/oidc/authorize/${uid}`]) {
      const end = await walk(browser, await open(browser, path));
      const code = end.location?.searchParams.get('code');
      if (code) return code;
    }
    return null;
  };

  it('D3 SEC-67 the attacker’s own federation cookie in the victim’s browser brings the attacker nothing', async () => {
    const [attacker, victim] = [stage.app.browser(), stage.app.browser()];
    const { uid, away } = await begin(attacker);
    expect(await plant(attacker, victim, /federation/)).to.equal(2);
    newPerson(stage.google);
    const back = await walkTo(victim, await open(victim, away), isCallback);
    const arrived = await open(victim, back);
    expect(arrived.status).to.equal(303);
    expect(await codeFor(attacker, uid)).to.equal(null);
    expect(await me(attacker)).to.equal(undefined);
  });

  it('D3 nor do all cookies of the authorization request, planted there', async () => {
    const [attacker, victim] = [stage.app.browser(), stage.app.browser()];
    const { uid, away } = await begin(attacker);
    expect(await plant(attacker, victim, /federation|interaction|resume/)).to.equal(6);
    newPerson(stage.google);
    const resumed = await walkTo(
      victim,
      await open(victim, away),
      ({ pathname }) =>
        pathname ===
        `${new URL(stage.app.issuer).pathname.replace(/\/$/, '')}/oidc/authorize/${uid}`,
    );
    expect(await codeFor(attacker, uid)).to.equal(null);
    expect((await open(attacker, resumed)).location?.searchParams.get('code') ?? null).to.equal(
      null,
    );
  });

  it('D3 the code of an arrival is worth nothing without the cookie, for another interaction, or twice', async () => {
    const [browser, other] = [stage.app.browser(), stage.app.browser()];
    const { uid, away } = await begin(browser);
    const foreign = await begin(other);
    newPerson(stage.google);
    const isPage = ({ pathname }: URL) => pathname.endsWith('/federated');
    const page = await walkTo(browser, await open(browser, away), isPage);
    expect(page.searchParams.get('arrival')).to.match(/^[\w-]{43}$/);
    const refusedWith = async (who: Browser, url: URL | string) => {
      const answer = await open(who, url);
      expect(answer.status).to.equal(400);
      expect(answer.text).to.include('This sign-in is no longer valid');
    };
    const stolen = stage.app.browser();
    await plant(browser, stolen, /interaction/);
    await refusedWith(stolen, page);
    await refusedWith(other, page.href.replace(uid, foreign.uid));
    await refusedWith(browser, page.href.replace(/arrival=[^&]*/, 'arrival='));
    const end = await walk(browser, await open(browser, page));
    expect(end.location?.searchParams.has('code')).to.equal(true);
    const again = await begin(browser, 'login');
    await refusedWith(browser, page.href.replace(uid, again.uid));
  });
});

describe('D3 what a sibling subdomain can toss', () => {
  let app: TestApp;
  before(async () => {
    app = await startTestApp({ origin: 'https://auth.example.com', path: '' });
  });
  after(() => app.close());

  it('D3 SEC-25 browsers take only path-bound cookies from it: all others are host-locked', async () => {
    const browser = app.browser();
    const user = await createUser(app);
    const names = new Set(cookiesOf(await login(browser, user)).keys());
    const rp = await createRelyingParty(app);
    const visitor = app.browser();
    const started = await visitor.request(rp.authorizationUrl());
    for (const name of cookiesOf(started).keys()) names.add(name);
    await signIn(visitor, await rp.authorize(visitor), user);
    const tossed: string[] = [];
    const all = Object.values(cookieTable(new URL(app.issuer))).map(({ name }) => name);
    for (const name of new Set([...names, ...all])) {
      const jar = new CookieJar(undefined, { prefixSecurity: 'strict' });
      const line = `${name}=planted; Domain=example.com; Path=/; Secure`;
      await jar.setCookie(line, 'https://evil.example.com/').catch(() => undefined);
      const sent = await jar.getCookieString('https://auth.example.com/');
      if (sent.includes('planted')) tossed.push(name.replace(/\.sig$/, ''));
    }
    const bound = ['interaction', 'refresh', 'resume'].map((name) => `__Secure-${name}`);
    expect([...new Set(tossed)].sort()).to.deep.equal(bound);
  });
});
