/** One node's clock steps while the others' stay right (reliability: expiry by the store's clock, 30 s are tolerated). */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { decodeJwt } from 'jose';
import { resign } from '../attacks/forged-token.ts';
import { loginAt, meAt, refreshAt, tokensOf, userinfoAt } from '../support/cookie-api.ts';
import { eventually } from '../support/eventually.ts';
import { type Node, type Nodes, startNodes } from '../support/nodes.ts';
import { createUser, login } from '../support/people.ts';
import { codeOf, createRelyingParty, errorOf } from '../support/relying-party.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { storeKinds } from '../support/test-app.ts';

const PRELOAD = path.join(import.meta.dirname, '../support/skewed-date-process.ts');
/** Milliseconds. */
const STEPS = { '+30 s': 30_000, '-30 s': -30_000, '+1 h': 3_600_000, '-1 h': -3_600_000 };
/** Seconds. */
const ACCESS_TOKEN_TTL = 600;

describe('one node’s clock steps (I2, SEC-38)', () => {
  let nodes: Nodes;
  let folder: string;
  let skewed: ServerProcess;

  const step = (milliseconds: number) => writeFile(path.join(folder, 'skew'), `${milliseconds}`);

  before(async function () {
    this.timeout(120_000);
    folder = await mkdtemp(path.join(tmpdir(), 'test-clock-'));
    await step(0);
    nodes = await startNodes(storeKinds.at(-1) ?? 'postgres');
    const SKEW_FILE = path.join(folder, 'skew');
    skewed = await nodes.start({ NODE_OPTIONS: `--import=${PRELOAD}`, SKEW_FILE });
  });
  after(async () => {
    await nodes?.stop();
    await rm(folder, { recursive: true, force: true });
  });
  afterEach(() => stepped(0));

  const stepped = async (milliseconds: number): Promise<void> => {
    await step(milliseconds);
    const seen = path.join(folder, 'skew.seen');
    await eventually(async () => {
      expect(await readFile(seen, 'utf8')).to.equal(`${milliseconds}`);
    });
  };

  const right = (): Node => nodes.processes[0];

  for (const [name, milliseconds] of Object.entries(STEPS)) {
    it(`${name}: tokens of the cookie API go to and fro, and last as long as ever`, async function () {
      this.timeout(60_000);
      const user = await createUser(nodes.local);
      const before = await loginAt(right(), user);
      await stepped(milliseconds);
      expect((await meAt(skewed, before.access)).status).to.equal(200);
      const there = tokensOf(await refreshAt(skewed, before.refresh));
      for (const node of [skewed, right()]) {
        expect((await meAt(node, there.access)).status).to.equal(200);
      }
      const back = tokensOf(await refreshAt(right(), there.refresh));
      expect((await meAt(skewed, back.access)).status).to.equal(200);
      const signedIn = await loginAt(skewed, user);
      for (const { access } of [there, signedIn]) {
        const { iat = 0, exp = 0 } = decodeJwt(access);
        expect(iat).to.be.closeTo(Date.now() / 1000, 5);
        expect(exp - iat).to.equal(ACCESS_TOKEN_TTL);
      }
      expect((await refreshAt(right(), signedIn.refresh)).status).to.equal(200);
    });

    it(`${name}: an OpenID Connect sign-in on that node alone works, refresh and all`, async function () {
      this.timeout(60_000);
      const user = await createUser(nodes.local);
      const rp = await createRelyingParty(nodes.local);
      await stepped(milliseconds);
      const browser = skewed.browser();
      expect((await login(browser, user)).status).to.equal(200);
      const { body } = await rp.redeem(codeOf(await rp.authorize(browser)), {}, skewed);
      expect((await userinfoAt(right(), body.access_token ?? '')).status).to.equal(200);
      const next = await rp.refresh(body.refresh_token ?? '', {}, skewed);
      expect(next.status).to.equal(200);
      expect((await userinfoAt(skewed, next.body.access_token ?? '')).status).to.equal(200);
    });

    it(`${name}: what has ended stays ended`, async function () {
      this.timeout(60_000);
      const user = await createUser(nodes.local);
      const browser = nodes.local.browser();
      const cookies = tokensOf(await login(browser, user));
      const rp = await createRelyingParty(nodes.local);
      const code = codeOf(await rp.authorize(browser));
      const unused = codeOf(await rp.authorize(browser));
      const { body } = await rp.redeem(code);
      await stepped(milliseconds);
      expect((await browser.request('/auth/logout', { method: 'POST' })).status).to.equal(204);
      await eventually(async () => {
        expect((await meAt(skewed, cookies.access)).status).to.equal(401);
        expect((await userinfoAt(skewed, body.access_token ?? '')).status).to.equal(401);
      });
      expect((await refreshAt(skewed, cookies.refresh)).status).to.equal(401);
      for (const dead of [code, unused]) {
        expect((await rp.redeem(dead, {}, skewed)).body.error).to.equal('invalid_grant');
      }
      const refreshed = await rp.refresh(body.refresh_token ?? '', {}, skewed);
      expect(refreshed.body.error).to.equal('invalid_grant');
      const elsewhere = skewed.browser();
      for (const one of await browser.jar.getCookies(nodes.local.issuer)) {
        await elsewhere.jar.setCookie(one.toString(), nodes.local.issuer);
      }
      expect(errorOf(await rp.authorize(elsewhere, { prompt: 'none' }))).to.equal('login_required');
    });
  }

  it('-1 h: no token lasts an hour longer there', async function () {
    this.timeout(60_000);
    const user = await createUser(nodes.local);
    const { access } = await loginAt(right(), user);
    expect((await meAt(skewed, access)).status).to.equal(200);
    await stepped(-3_600_000);
    const now = Math.floor(Date.now() / 1000);
    // It has expired by every right clock, and not by this one.
    const claims = { iat: now - 3_700, exp: now - 3_100 };
    const old = await resign(nodes.local, access, { claims });
    expect((await meAt(right(), old)).status).to.equal(401);
    expect((await meAt(skewed, old)).status).to.equal(401);
  });
});
