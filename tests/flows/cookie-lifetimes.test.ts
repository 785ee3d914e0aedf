import { expect } from 'chai';
import { parseSetCookie } from '../attacks/set-cookie.ts';
import type { Answer, Browser } from '../support/browser.ts';
import { createUser, login, signIn } from '../support/people.ts';
import { createRelyingParty } from '../support/relying-party.ts';
import { authorizePath, newPerson, type Stage, startStage, walk } from './federation/stage.ts';

const DAY = 86_400;

/** Seconds that each cookie may live, by what follows its prefix. */
const LIFETIMES: Readonly<Record<string, readonly number[]>> = {
  session: [14 * DAY],
  access: [600],
  refresh: [30 * DAY],
  known: [400 * DAY],
  federation: [1200],
  // Longer once the person has acted on it.
  interaction: [600, 1800],
  resume: [600, 1800],
};

describe('lifetimes of cookies', () => {
  let stage: Stage;
  before(async () => {
    stage = await startStage();
  });
  after(() => stage.close());

  /** A browser that writes down every Set-Cookie it gets. */
  const recording = (): { browser: Browser; lines: string[] } => {
    const lines: string[] = [];
    const inner = stage.app.browser();
    const request: Browser['request'] = async (...asked): Promise<Answer> => {
      const answer = await inner.request(...asked);
      if (answer.url.startsWith(stage.app.issuer)) lines.push(...answer.setCookies);
      return answer;
    };
    const follow: Browser['follow'] = async (answer) => walk(browser, answer);
    const browser: Browser = {
      ...inner,
      request,
      follow,
      open: async (target) => follow(await request(target)),
      submit: async (page, fields = {}) => {
        const sent = await inner.submit(page, fields);
        return sent;
      },
    };
    return { browser, lines };
  };

  const kept = (lines: readonly string[]) =>
    lines
      .map(parseSetCookie)
      .filter(({ attributes: { expires } }) => Date.parse(expires ?? '') > 0);

  it('B-05 Max-Age stands beside Expires on every cookie that lives for a time, signatures included', async () => {
    const { browser, lines } = recording();
    const user = await createUser(stage.app);
    expect((await login(browser, user)).status).to.equal(200);
    expect((await browser.request('/auth/refresh', { method: 'POST' })).status).to.equal(200);
    const rp = await createRelyingParty(stage.app);
    await walk(browser, await browser.request(rp.authorizationUrl({ prompt: 'login' })));
    newPerson(stage.google);
    await walk(browser, await browser.request(authorizePath('google')));
    const visitor = recording();
    const page = await walk(visitor.browser, await visitor.browser.request(rp.authorizationUrl()));
    const sent = await visitor.browser.submit(page, { email: user.email, password: 'no' });
    expect(sent.status).to.equal(401);
    await signIn(visitor.browser, sent, user);

    const all = kept([...lines, ...visitor.lines]);
    const names = new Set(all.map(({ name }) => name));
    const signed = ['session', 'federation', 'interaction', 'resume', 'known'].map(
      (name) => `${name}.sig`,
    );
    expect([...names].sort()).to.deep.equal(
      [...Object.keys(LIFETIMES), ...signed].map((name) => `authsrv-${name}`).sort(),
    );
    for (const { name, attributes } of all) {
      const [, what = ''] = /^authsrv-(\w+)/.exec(name) ?? [];
      const seconds = Number(attributes['max-age']);
      const fits = LIFETIMES[what]?.some((asked) => Math.abs(asked - seconds) <= 1);
      expect(fits, `${name}: ${seconds}`).to.equal(true);
    }
  });

  it('B-05 what lives no longer than the browser, and a deletion, has neither', async () => {
    const { browser, lines } = recording();
    await login(browser, await createUser(stage.app));
    lines.length = 0;
    await browser.request('/auth/logout', { method: 'POST' });
    expect(lines.length).to.be.greaterThan(2);
    for (const line of lines) expect(line).not.to.match(/max-age/i);
  });
});
