/** docs/operations.md, "SECRET_KEY has leaked": the recipe as it is written, on real processes with people signed in. */
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { decodeProtectedHeader } from 'jose';
import type { User } from '../../src/plugins/users/contract.ts';
import { auditLines, authsrv } from '../support/authsrv.ts';
import type { Browser } from '../support/browser.ts';
import { loginAt, meAt, refreshAt, type Tokens, tokensOf } from '../support/cookie-api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { ISSUER, type Node } from '../support/nodes.ts';
import { createUser, signedInBrowser } from '../support/people.ts';
import { codeOf, createRelyingParty, type RelyingParty } from '../support/relying-party.ts';
import { countSealed } from '../support/sealed-columns.ts';
import { type ServerProcess, startServerProcess } from '../support/server-process.ts';
import { redisUrl as redisUrlOfTests } from '../support/service-urls.ts';
import { startTestApp, storeKinds } from '../support/test-app.ts';
import { startUpstream, UPSTREAM_CLIENT, type Upstream } from '../support/upstream.ts';

/** What a node has logged, by the name of the event. */
const logged = ({ output }: ServerProcess, event: string): Record<string, unknown>[] =>
  output
    .filter((line) => line.includes(`"event":"${event}"`))
    .map((line) => JSON.parse(line) as Record<string, unknown>);

const kidsAt = async (node: Node): Promise<string[]> =>
  (await node.browser().request('/.well-known/jwks.json'))
    .json<{ keys: { kid: string }[] }>()
    .keys.map(({ kid }) => kid);

async function hasOtherKeys(node: Node, former: readonly string[]): Promise<boolean> {
  const kids = await kidsAt(node);
  return kids.length === 2 && !kids.some((kid) => former.includes(kid));
}

const kidOf = (token: string): string => decodeProtectedHeader(token).kid ?? '';

const statusAt = async (nodes: readonly Node[], access: string): Promise<number[]> =>
  Promise.all(nodes.map(async (node) => (await meAt(node, access)).status));

/** Signs in with the other provider: every redirect, to the first answer that is none. */
async function signInUpstream(browser: Browser): Promise<number> {
  let answer = await browser.request('/oauth2/acme/authorize');
  while (answer.location) answer = await browser.request(answer.location.href);
  return answer.status;
}

for (const store of storeKinds) {
  describe(`SEC-95 the recipe "SECRET_KEY has leaked", state store on ${store}`, function () {
    this.timeout(180_000);
    const [OLD, NEW] = [randomBytes(32).toString('hex'), randomBytes(32).toString('hex')];
    let database: TestDatabase;
    let upstream: Upstream;
    let ports: readonly [number, number];
    let user: User;
    let rp: RelyingParty;
    const nodes: ServerProcess[] = [];

    const settings = (secretKey: string): Record<string, string> => ({
      SECRET_KEY: secretKey,
      FEDERATION_STORE_TOKENS: 'on',
      OIDC_PROVIDERS: JSON.stringify([
        {
          ...{ id: 'acme', name: 'Acme', issuer: upstream.issuer },
          ...{ client_id: UPSTREAM_CLIENT.id, client_secret: UPSTREAM_CLIENT.secret },
        },
      ]),
    });
    const redisUrl = store === 'redis' ? redisUrlOfTests() : undefined;

    /** The node of this port, in place of the one it had. */
    async function restart(at: 0 | 1, secretKey: string): Promise<ServerProcess> {
      await nodes[at]?.stop();
      const stores = { databaseUrl: database.url, redisUrl, issuer: ISSUER, port: ports[at] };
      const started = await startServerProcess({ ...stores, settings: settings(secretKey) });
      nodes[at] = started;
      return started;
    }

    /** Tokens of the other provider are stored. */
    async function signInSomebodyAt(node: Node, name: string): Promise<void> {
      const sub = `${store}-${name}`;
      upstream.person = { sub, claims: { email: `${sub}@example.com`, email_verified: true } };
      expect(await signInUpstream(node.browser())).to.equal(200);
    }

    /** What is stored of the other provider's tokens; `given`: as a node that had not stopped yet would store it. */
    async function sealedTokens(subject: string, given?: string): Promise<string> {
      const text =
        'UPDATE identities SET tokens = coalesce($2, tokens) WHERE subject = $1 RETURNING tokens';
      const values = [subject, given ?? null];
      const statement = { name: 'test-sealed-tokens-of', text };
      const [row] = await database.database.query<{ tokens: string }>(statement, values);
      return row?.tokens ?? '';
    }

    /** Whether the browser need not sign in for the application. */
    const isSignedIn = async (browser: Browser): Promise<boolean> =>
      (await rp.authorize(browser)).location?.searchParams.has('code') ?? false;

    before(async () => {
      [database, upstream] = await Promise.all([createTestDatabase(), startUpstream()]);
      ports = [await freePort(), await freePort()];
      upstream.open({ redirectUris: [`${ISSUER}/oauth2/acme/callback`] });
      const maker = await startTestApp({
        ...{ store, database, origin: ISSUER, path: '' },
        settings: { SECRET_KEY: OLD },
      });
      user = await createUser(maker);
      rp = await createRelyingParty(maker);
      await maker.close();
    });
    after(async () => {
      await Promise.all(nodes.map((node) => node.stop()));
      await upstream?.close();
      await database?.drop();
    });

    it('keeps what it promises, step by step', async () => {
      const former = [await restart(0, OLD), await restart(1, OLD)] as const;
      const [idle, active] = [await loginAt(former[0], user), await loginAt(former[1], user)];
      const [away, present] = [
        await signedInBrowser(former[0], user),
        await signedInBrowser(former[1], user),
      ];
      const app = await rp.redeem(codeOf(await rp.authorize(present)), {}, former[1]);
      await signInSomebodyAt(former[0], 'early');
      const formerKids = await kidsAt(former[0]);
      expect(await countSealed(database.database, OLD)).to.deep.equal({ keys: 2, tokens: 1 });

      // 1. All nodes with new,old: one after the other, while somebody signs in at the one that has the old one alone.
      const first = await restart(0, `${NEW},${OLD}`);
      expect(logged(first, 'signing_key.reencrypted')).to.have.lengthOf(2);
      expect(logged(first, 'federation.tokens_reencrypted').map(({ count }) => count)).to.eql([1]);
      await signInSomebodyAt(former[1], 'late');
      const late = await sealedTokens(`${store}-late`);
      const early = await loginAt(first, user);
      expect((await refreshAt(former[1], early.refresh)).status).to.equal(401);
      const second = await restart(1, `${NEW},${OLD}`);
      expect(logged(second, 'federation.tokens_reencrypted').map(({ count }) => count)).to.eql([1]);
      expect(await countSealed(database.database, OLD)).to.deep.equal({ keys: 0, tokens: 0 });
      expect(await statusAt(nodes, idle.access)).to.deep.equal([200, 200]);
      expect(await isSignedIn(present)).to.equal(true);
      await sealedTokens(`${store}-late`, late);

      // 2. keys rotate --compromised, with the SECRET_KEY of the nodes.
      const rotated = await authsrv(['keys', 'rotate', '--compromised', '--json'], {
        env: {
          ...settings(`${NEW},${OLD}`),
          PUBLIC_URL: ISSUER,
          DATABASE_URL: database.url,
          ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl }),
        },
      });
      expect(auditLines(rotated).map(({ event }) => event)).to.deep.equal([
        'federation.tokens_reencrypted',
        'signing_key.withdrawn',
        'signing_key.withdrawn',
      ]);
      expect(await countSealed(database.database, OLD)).to.deep.equal({ keys: 0, tokens: 0 });
      await Promise.all(nodes.map((node) => eventually(() => hasOtherKeys(node, formerKids))));
      for (const token of [idle.access, active.access, app.body.access_token ?? '']) {
        expect(await statusAt(nodes, token)).to.deep.equal([401, 401]);
      }
      const renewed = tokensOf(await refreshAt(first, active.refresh));
      expect(formerKids).to.not.include(kidOf(renewed.access));

      // 3. All nodes with the new one alone.
      const last = [await restart(0, NEW), await restart(1, NEW)] as const;
      expect(await countSealed(database.database, NEW)).to.deep.equal({ keys: 2, tokens: 2 });
      expect((await refreshAt(last[0], idle.refresh)).status).to.equal(401);
      expect((await refreshAt(last[1], renewed.refresh)).status).to.equal(200);
      expect(await statusAt(last, renewed.access)).to.deep.equal([200, 200]);
      expect(await isSignedIn(away)).to.equal(false);
      expect(await isSignedIn(present)).to.equal(true);
      const later = await rp.refresh(app.body.refresh_token ?? '', {}, last[0]);
      expect(later.status).to.equal(200);
      const again: Tokens = await loginAt(last[0], user);
      expect(await statusAt(last, again.access)).to.deep.equal([200, 200]);
      await signInSomebodyAt(last[1], 'late');
    });
  });
}
