/** A node on a Redis of its own as a fixture: there for all tests of a `describe`, which may break either. */
import { ISSUER } from './nodes.ts';
import type { PrivateService } from './private-redis.ts';
import { startTestApp, type TestApp } from './test-app.ts';

/** Starts both before the tests around it and stops them afterwards. The tests are skipped where this machine has no such Redis. */
export function useAppOn<Redis extends PrivateService>(
  startRedis: () => Promise<Redis | undefined>,
): { readonly redis: Redis; readonly app: TestApp } {
  let redis: Redis | undefined;
  let app: TestApp | undefined;
  before(async function () {
    redis = (await startRedis()) ?? this.skip();
    app = await startTestApp({ store: 'redis', origin: ISSUER, redisUrl: redis.url });
  });
  after(async () => {
    await app?.close();
    await redis?.stop();
  });
  const there = <Part>(part: Part | undefined): Part => {
    if (part === undefined) throw new Error('node and Redis are there while tests run');
    return part;
  };
  return {
    get redis() {
      return there(redis);
    },
    get app() {
      return there(app);
    },
  };
}
