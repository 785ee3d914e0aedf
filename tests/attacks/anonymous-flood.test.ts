/** The most that one address can make the state store hold, at the rates it is allowed. */
import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { parseRate, settings } from '../../src/plugins/rate-limit/settings.ts';
import { recordWrites, type Write } from '../support/recorded-writes.ts';
import { createRelyingParty, type RelyingParty } from '../support/relying-party.ts';
import { redisUrl } from '../support/service-urls.ts';
import { type StoreKind, startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';

/** What neither store can compress. */
const noise = (bytes: number): string => randomBytes(bytes).toString('base64url').slice(0, bytes);

/** Bytes of a row besides its columns: header, item, entries of two indexes with its key. */
const ROW = 24 + 4 + 3 * 80;

const SETTINGS = settings.parse({});

/** Megabytes of an address, as docs/operations.md has them. */
function documented(kind: StoreKind): number {
  const docs = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
  const [, redis, postgres] =
    /at most (\d+) MB of Redis or (\d+) MB of PostgreSQL/.exec(docs) ?? [];
  return Number(kind === 'redis' ? redis : postgres);
}

for (const kind of storeKinds) {
  describe(`a flood from one address, state store on ${kind}`, () => {
    const store = recordWrites();
    let app: TestApp;
    let rp: RelyingParty;
    let redis: Redis | undefined;

    before(async () => {
      const github = { GITHUB_CLIENT_ID: 'id', GITHUB_CLIENT_SECRET: 'secret' };
      app = await startTestApp({ store: kind, wrapStorage: store.wrap, settings: github });
      rp = await createRelyingParty(app, { token_endpoint_auth_method: 'none' });
      if (kind === 'redis') redis = new Redis(redisUrl() ?? '');
    });
    after(async () => {
      redis?.disconnect();
      await app.close();
    });

    /** A record as large as any that is taken. */
    const largest = async (): Promise<number> => {
      const write = { key: `test:${randomUUID()}`, value: noise(4096), bytes: 4096, ttl: 60 };
      await app.storage.store.set(write.key, write.value, write.ttl);
      return weigh(write);
    };

    const weigh = async ({ key }: Pick<Write, 'key'>): Promise<number> => {
      if (redis) return Number(await redis.memory('USAGE', `auth:${key}`));
      const text = 'SELECT pg_column_size(s.*) AS bytes FROM state_store s WHERE key = $1';
      const [row] = await app.storage.db.query<{ bytes: number }>({ name: 'test-bytes', text }, [
        key,
      ]);
      return (row?.bytes ?? 0) + ROW;
    };

    /** Megabytes that are held while these are sent as fast as a bucket lets them through. */
    const held = async (
      rate: string,
      send: () => Promise<unknown>,
      weight: (write: Write) => Promise<number> = weigh,
    ): Promise<number> => {
      const writes = await store.during(send);
      expect(writes).to.not.deep.equal([]);
      const { capacity, refillPerSecond } = parseRate(rate);
      let bytes = 0;
      for (const write of writes) {
        expect(write.bytes, write.key).to.be.at.most(4096);
        expect(write.ttl, write.key).to.be.at.most(600);
        bytes += (await weight(write)) * (capacity + refillPerSecond * write.ttl);
      }
      return bytes / 1e6;
    };

    const push = (): Promise<unknown> =>
      rp.post('/oidc/par', {
        ...Object.fromEntries(new URL(rp.authorizationUrl(), app.issuer).searchParams),
        state: noise(2048),
      });

    it('D8: holds no more than the documentation says', async () => {
      const browser = () => app.browser();
      const authorization = await held(
        SETTINGS.RATE_LIMIT_OIDC,
        () => browser().request(rp.authorizationUrl({ state: noise(1500) })),
        largest,
      );
      const signOut = await held(SETTINGS.RATE_LIMIT_OIDC, () =>
        browser().request(`/oidc/logout?state=${noise(2048)}`),
      );
      const pushed = await held(SETTINGS.RATE_LIMIT_CLIENT, push, largest);
      const returnTo = new URLSearchParams({ return_to: `/${noise(1900)}` });
      const federation = await held(SETTINGS.RATE_LIMIT_READ, () =>
        browser().request(`/oauth2/github/authorize?${returnTo}`),
      );
      // The first two spend from one bucket; a pushed request from one of each public client, here of ten.
      const most = Math.max(authorization, signOut) + 10 * pushed + federation;
      expect(most).to.be.at.most(documented(kind));
      // A figure that is far above says nothing.
      expect(most).to.be.greaterThan(documented(kind) / 2);
    });

    it('D8: a return_to that grows when it is written as a URL is refused by what it has become', async () => {
      const returnTo = new URLSearchParams({ return_to: `/${'€'.repeat(1500)}` });
      const writes = await store.during(async () => {
        const { status } = await app.browser().request(`/oauth2/github/authorize?${returnTo}`);
        expect(status).to.equal(400);
      });
      expect(writes).to.deep.equal([]);
    });
  });
}
