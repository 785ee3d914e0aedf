/**
 * What a session costs in Redis, and what listing those of one user costs in PostgreSQL. A long run:
 * `MANY_SESSIONS=100000 npm test -- tests/faults/many-sessions.test.ts`.
 */
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { tokensOf } from '../support/cookie-api.ts';
import { query } from '../support/known-user.ts';
import { ISSUER } from '../support/nodes.ts';
import { startOwnRedis } from '../support/own-redis.ts';
import { createUser, login } from '../support/people.ts';
import type { PrivateService } from '../support/private-redis.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

// biome-ignore lint/style/noProcessEnv: how many there are, whoever starts it says
const { MANY_SESSIONS = '2000' } = process.env;
const COUNT = Number(MANY_SESSIONS);
/** Bytes of Redis. */
const LIMIT = 1024;
/** Records copied in one round trip. */
const BATCH = 500;

describe(`${COUNT} live sessions`, function () {
  this.timeout(120_000 + COUNT * 10);
  let redis: PrivateService;
  let client: Redis;
  let app: TestApp;

  before(async function () {
    const started = await startOwnRedis();
    if (!started) return this.skip();
    redis = started;
    client = new Redis(redis.url);
    app = await startTestApp({ store: 'redis', redisUrl: redis.url, origin: ISSUER });
  });
  after(async () => {
    client?.disconnect();
    await app?.close();
    await redis?.stop();
  });

  const usedMemory = async (): Promise<number> =>
    Number(/^used_memory:(\d+)/m.exec(await client.info('memory'))?.[1]);

  /** A record under a key like the one of the original, with a lifetime like it has. */
  const copyOf = (key: string): string =>
    key.replace(/[^:]+$/, (id) => randomBytes(64).toString('base64url').slice(0, id.length));

  it(`cost at most ${LIMIT} bytes of Redis each`, async function () {
    const user = await createUser(app);
    tokensOf(await login(app.browser(), user));
    const records = await Promise.all(
      (await client.keys('*')).map(async (key) => ({
        key,
        value: (await client.get(key)) ?? '',
        ttl: await client.pttl(key),
      })),
    );
    const kinds = records.map(({ key }) => key.replace(/:[^:]+$/, '')).sort();
    expect(kinds).to.deep.equal(['auth:oidc:Session', 'auth:oidc:session', 'auth:refresh']);
    const before = await usedMemory();
    for (let made = 0; made < COUNT; made += BATCH) {
      const batch = client.pipeline();
      for (let i = made; i < Math.min(made + BATCH, COUNT); i += 1) {
        for (const { key, value, ttl } of records) batch.set(copyOf(key), value, 'PX', ttl);
      }
      await batch.exec();
    }
    const each = ((await usedMemory()) - before) / COUNT;
    expect(each).to.be.below(LIMIT);
    if (this.test) this.test.title += ` (${Math.round(each)})`;
  });

  it('are listed for one user by reading that user’s rows alone', async () => {
    const user = await createUser(app);
    const browser = app.browser();
    await login(browser, user);
    await query(
      app,
      `INSERT INTO users (id, email, email_canonical, created_at, updated_at)
        SELECT gen_random_uuid(), 'u' || n || '@example.com', 'u' || n || '@example.com', now(), now()
        FROM generate_series(1, $1::int) AS n`,
      [COUNT],
    );
    await query(
      app,
      `INSERT INTO sessions (id, user_id, amr, device, ip, auth_time, created_at, last_seen)
        SELECT gen_random_uuid()::text, id, '{pwd}', 'a browser', '127.0.0.1', now(), now(), now() FROM users`,
    );
    await query(app, 'ANALYZE sessions');
    // The conditions of the statement behind GET /auth/sessions.
    const [plan] = await query<{ 'QUERY PLAN': [{ Plan: object }] }>(
      app,
      `EXPLAIN (ANALYZE, FORMAT JSON) SELECT id FROM sessions
        WHERE user_id = $1 AND ended_at IS NULL AND created_at > now() - interval '90 days'
        AND last_seen > now() - interval '14 days' ORDER BY created_at DESC, id`,
      [user.id],
    );
    expect(JSON.stringify(plan)).to.include('Index').and.not.include('Seq Scan');
    const { sessions } = (await browser.request('/auth/sessions')).json<{ sessions: object[] }>();
    expect(sessions.length).to.be.within(1, 2);
  });
});
