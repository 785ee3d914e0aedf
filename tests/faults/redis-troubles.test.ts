/** Redis that is slow, full, forgetful or gone for a moment: what people and clients notice of it (I1, I2, I5). */
import { expect } from 'chai';
import { meAt, refreshAt, type Tokens, tokensOf, userinfoAt } from '../support/cookie-api.ts';
import { type CrashableRedis, startCrashableRedis } from '../support/crashable-redis.ts';
import { eventually } from '../support/eventually.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { ISSUER } from '../support/nodes.ts';
import { createUser, login } from '../support/people.ts';
import { codeOf, createRelyingParty, type RelyingParty } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

/** Milliseconds that a call may take while Redis does not answer: several bounded ones in a row. */
const PATIENCE = 3_000;
const RECOVERY = 5_000;

describe('troubles of Redis (I1, I2, I5, I6)', () => {
  let redis: CrashableRedis;
  let proxy: FaultProxy;
  let app: TestApp;

  before(async function () {
    const started = await startCrashableRedis();
    if (!started) return this.skip();
    redis = started;
    proxy = await startFaultProxy(redis.address);
    const redisUrl = `redis://127.0.0.1:${proxy.port}`;
    app = await startTestApp({ store: 'redis', redisUrl, origin: ISSUER });
  });
  after(async () => {
    await app?.close();
    await proxy?.close();
    await redis?.stop();
  });
  afterEach(async () => {
    Object.assign(proxy, { fault: 'pass', latency: 0 });
    await eventually(() => app.storage.store.ping(), RECOVERY);
  });

  const signedIn = async () => {
    const user = await createUser(app);
    const browser = app.browser();
    const cookies = tokensOf(await login(browser, user));
    const rp = await createRelyingParty(app);
    return { user, browser, cookies, rp };
  };

  const clientTokens = async ({ rp, browser }: Awaited<ReturnType<typeof signedIn>>) => {
    const code = codeOf(await rp.authorize(browser));
    const { body } = await rp.redeem(code);
    return { code, access: body.access_token ?? '', refresh: body.refresh_token ?? '' };
  };

  /** What has been used up or ended before Redis forgot it is refused; a new sign-in works at once. */
  const expectNothingBack = async (
    { user, browser, rp }: { user: Parameters<typeof login>[1]; browser: Tab; rp: RelyingParty },
    used: { code: string; refresh: string; cookies: Tokens },
  ): Promise<void> => {
    expect((await rp.redeem(used.code)).body.error).to.equal('invalid_grant');
    expect((await rp.refresh(used.refresh)).body.error).to.equal('invalid_grant');
    expect((await refreshAt(app, used.cookies.refresh)).status).to.equal(401);
    const again = tokensOf(await login(browser, user));
    expect((await refreshAt(app, again.refresh)).status).to.equal(200);
    expect((await rp.redeem(codeOf(await rp.authorize(browser)))).status).to.equal(200);
  };
  type Tab = ReturnType<TestApp['browser']>;

  it('200 ms more: everything works, and a code still has one winner', async () => {
    proxy.latency = 200;
    const person = await signedIn();
    const refreshed = tokensOf(await refreshAt(app, person.cookies.refresh));
    expect((await meAt(app, refreshed.access)).status).to.equal(200);
    const code = codeOf(await person.rp.authorize(person.browser));
    const answers = await Promise.all(Array.from({ length: 10 }, () => person.rp.redeem(code)));
    expect(answers.map(({ status }) => status).sort()).to.deep.equal([200, ...Array(9).fill(400)]);
    const refresh = answers.find(({ status }) => status === 200)?.body.refresh_token ?? '';
    expect((await person.rp.refresh(refresh)).status).to.equal(200);
  });

  it('cut after the request and before the reply: 503 in time, and no code succeeds twice', async () => {
    const person = await signedIn();
    const code = codeOf(await person.rp.authorize(person.browser));
    proxy.fault = 'drop-replies';
    const since = performance.now();
    const cut = await Promise.all(Array.from({ length: 5 }, () => person.rp.redeem(code)));
    const refreshed = await refreshAt(app, person.cookies.refresh);
    expect(performance.now() - since).to.be.below(2 * PATIENCE);
    for (const { status, headers } of [...cut, refreshed]) {
      expect(status).to.equal(503);
      expect(headers.get('retry-after')).to.match(/^\d+$/);
    }
    expect((await meAt(app, person.cookies.access)).status).to.equal(200);
    proxy.fault = 'pass';
    await eventually(() => app.storage.store.ping(), RECOVERY);
    const later = await Promise.all(Array.from({ length: 5 }, () => person.rp.redeem(code)));
    expect(later.filter(({ status }) => status === 200).length).to.be.at.most(1);
    expect((await refreshAt(app, person.cookies.refresh)).status).to.equal(200);
  });

  it('no memory left: 503 for what needs to write, nothing is used up, the rest goes on', async () => {
    const person = await signedIn();
    const tokens = await clientTokens(person);
    const leaving = await signedIn();
    await redis.configure({ maxmemory: '1', 'maxmemory-policy': 'noeviction' });
    try {
      const refused = [
        await login(app.browser(), person.user),
        await refreshAt(app, person.cookies.refresh),
        await person.rp.refresh(tokens.refresh),
      ];
      for (const { status, headers } of refused) {
        expect(status).to.equal(503);
        expect(headers.get('retry-after')).to.match(/^\d+$/);
      }
      expect((await meAt(app, person.cookies.access)).status).to.equal(200);
      expect((await userinfoAt(app, tokens.access)).status).to.equal(200);
      // Taking away needs no memory.
      const logout = await leaving.browser.request('/auth/logout', { method: 'POST' });
      expect(logout.status).to.equal(204);
    } finally {
      await redis.configure({ maxmemory: '0' });
    }
    expect((await meAt(app, leaving.cookies.access)).status).to.equal(401);
    expect((await refreshAt(app, leaving.cookies.refresh)).status).to.equal(401);
    expect((await refreshAt(app, person.cookies.refresh)).status).to.equal(200);
    expect((await person.rp.refresh(tokens.refresh)).status).to.equal(200);
  });

  it('keys evicted, all there are: people sign in again, and nothing used comes back', async () => {
    const person = await signedIn();
    const tokens = await clientTokens(person);
    await redis.configure({ maxmemory: '1', 'maxmemory-policy': 'allkeys-random' });
    await eventually(async () => (await login(app.browser(), person.user)).status === 503);
    await redis.configure({ maxmemory: '0', 'maxmemory-policy': 'noeviction' });
    await expectNothingBack(person, { ...tokens, cookies: person.cookies });
  });

  it('killed, and back empty: the same', async function () {
    this.timeout(60_000);
    const person = await signedIn();
    const tokens = await clientTokens(person);
    redis.crash();
    expect((await refreshAt(app, person.cookies.refresh)).status).to.equal(503);
    await redis.restart();
    await eventually(() => app.storage.store.ping(), RECOVERY);
    await expectNothingBack(person, { ...tokens, cookies: person.cookies });
  });
});
