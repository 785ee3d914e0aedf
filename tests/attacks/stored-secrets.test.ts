import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { startOwnRedis } from '../support/own-redis.ts';
import { createUser, login, PASSWORD, signIn } from '../support/people.ts';
import type { PrivateRedis } from '../support/private-redis.ts';
import { codeOf, createRelyingParty } from '../support/relying-party.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';
import { decodeToken, serverKey } from './forged-token.ts';
import { cookieValue } from './set-cookie.ts';

/** Every row of every table, as text. */
async function dumpPostgres({ database }: TestApp): Promise<string> {
  const { orm } = database.database;
  const [tables] = (await orm.query(
    `SELECT table_name AS name FROM information_schema.tables
      WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`,
  )) as [{ name: string }[], unknown];
  const rows = await Promise.all(
    tables.map(({ name }) => orm.query(`SELECT to_jsonb(t)::text AS row FROM "${name}" AS t`)),
  );
  return rows.flatMap(([found]) => (found as { row: string }[]).map(({ row }) => row)).join('\n');
}

/** Every key with its value. All of ours are strings; anything else would be missed, so it throws. */
async function dumpRedis(url: string): Promise<string> {
  const redis = new Redis(url);
  try {
    const entries: string[] = [];
    for await (const keys of redis.scanStream({ count: 1000 }) as AsyncIterable<string[]>) {
      for (const key of keys) entries.push(`${key} ${await redis.get(key)}`);
    }
    return entries.join('\n');
  } finally {
    redis.disconnect();
  }
}

for (const store of storeKinds) {
  describe(`secrets at rest, state store on ${store}`, () => {
    let app: TestApp;
    let redis: PrivateRedis | undefined;
    let dump: string;
    /** Bearer values by name, as their holders have them. */
    const held: Record<string, string> = {};

    before(async () => {
      redis = store === 'redis' ? await startOwnRedis() : undefined;
      app = await startTestApp(redis ? { redisUrl: redis.url } : {});
      const user = await createUser(app);
      const browser = app.browser();

      const signedIn = await login(browser, user);
      held['refresh cookie'] = cookieValue(signedIn, 'authsrv-refresh');
      held['its jti'] = String(decodeToken(held['refresh cookie']).claims['jti']);
      held['access cookie'] = cookieValue(signedIn, 'authsrv-access');
      const refreshed = await browser.request('/auth/refresh', { method: 'POST' });
      held['successor'] = cookieValue(refreshed, 'authsrv-refresh');
      held["successor's jti"] = String(decodeToken(held['successor']).claims['jti']);
      held['session cookie'] = cookieValue(signedIn, 'authsrv-session');

      const rp = await createRelyingParty(app);
      held['client secret'] = rp.secret ?? '';
      held['unused code'] = codeOf(await rp.authorize(browser));
      const first = await rp.redeem(codeOf(await rp.authorize(browser)));
      held['refresh token'] = first.body.refresh_token ?? '';
      held['access token'] = first.body.access_token ?? '';
      const second = await rp.refresh(held['refresh token']);
      held['next refresh token'] = second.body.refresh_token ?? '';

      const onPage = app.browser();
      codeOf(await signIn(onPage, await rp.authorize(onPage), user));
      held['session cookie of the page'] = (await onPage.cookie('authsrv-session')) ?? '';

      const asked = app.browser();
      held['session cookie of a pending consent'] = cookieValue(
        await login(asked, user),
        'authsrv-session',
      );
      const { status } = await (await createRelyingParty(app, { first_party: false })).authorize(
        asked,
      );
      expect(status, 'consent page').to.equal(200);

      held['password'] = PASSWORD;
      for (const alg of ['ES256', 'RS256'] as const) {
        held[`${alg} key`] = String((await serverKey(app, alg)).d);
      }
      dump = await dumpPostgres(app);
      if (redis) dump += `\n${await dumpRedis(redis.url)}`;
    });
    after(async () => {
      await app?.close();
      await redis?.stop();
    });

    const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64url');

    it('SEC-44 refresh ids have at least 256 bits, and rotate', () => {
      for (const name of ['its jti', "successor's jti", 'refresh token', 'next refresh token']) {
        expect(held[name], name).to.match(/^[\w-]{43,}$/);
      }
      expect(held['its jti']).not.to.equal(held["successor's jti"]);
      expect(held['refresh token']).not.to.equal(held['next refresh token']);
    });

    it('SEC-44 no bearer value, password or private key is stored in clear', () => {
      expect(Object.keys(held)).to.have.lengthOf(16);
      for (const [name, value] of Object.entries(held)) {
        expect(value, name).to.have.length.greaterThan(15);
        expect(dump.includes(value), `${name} is stored in clear`).to.equal(false);
        const encoded = Buffer.from(value).toString('base64');
        expect(dump.includes(encoded), `${name} is stored as base64`).to.equal(false);
        const hex = Buffer.from(value).toString('hex');
        expect(dump.includes(hex), `${name} is stored as hex`).to.equal(false);
      }
    });

    it('SEC-44 the dump does hold the records: each under the SHA-256 of its id', () => {
      for (const name of [
        'its jti',
        "successor's jti",
        'unused code',
        'next refresh token',
        'session cookie',
        'session cookie of the page',
        'client secret',
      ]) {
        expect(dump.includes(sha256(held[name] ?? '')), name).to.equal(true);
      }
    });

    it('SEC-44 the refresh cookie is an HS256 JWT that no published key verifies', async () => {
      const { header } = decodeToken(held['successor'] ?? '');
      expect(header).to.deep.equal({ alg: 'HS256', typ: 'rt+jwt' });
      const { keys } = (await app.browser().request('/.well-known/jwks.json')).json<{
        keys: { kty: string; alg: string }[];
      }>();
      for (const { kty, alg } of keys) {
        expect(kty).not.to.equal('oct');
        expect(alg).not.to.match(/^HS/);
      }
    });
  });
}
