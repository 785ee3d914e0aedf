/** Failovers that Sentinel decides, with acknowledged writes possibly lost. */
import { expect } from 'chai';
import { eventually } from '../support/eventually.ts';
import { expectRecovery, pushUntil, RECOVERY, useThingsUp } from '../support/failover.ts';
import { ISSUER } from '../support/nodes.ts';
import { type RedisSentinel, startRedisSentinel } from '../support/redis-sentinel.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

for (const [fault, signal] of [
  ['is killed', 'SIGKILL'],
  ['hangs', 'SIGSTOP'],
] as const) {
  describe(`the master of a Sentinel ${fault} (I1, I2, I5, I6)`, function () {
    this.timeout(90_000);
    let redis: RedisSentinel;
    let app: TestApp;

    before(async function () {
      const started = await startRedisSentinel();
      if (!started) return this.skip();
      redis = started;
      app = await startTestApp({ store: 'redis', origin: ISSUER, redisUrl: redis.url });
    });
    after(async () => {
      await app?.close();
      await redis?.stop();
    });

    it('the failover is followed, also by subscribers, and undoes nothing', async () => {
      const heard: string[] = [];
      await app.storage.store.subscribe('test', (message) => heard.push(message));
      const expectNothingUndone = await useThingsUp(app);
      const [master, replica] = redis.servers;

      master.signal(signal);
      const isSwitched = async () => (await redis.master()) === replica.port;
      const statuses = await pushUntil(app, isSwitched);
      expect(statuses).to.include(503);

      await expectRecovery(app);
      await expectNothingUndone();
      await eventually(async () => {
        await app.storage.store.publish('test', 'after');
        return heard.includes('after');
      }, RECOVERY);

      if (signal === 'SIGSTOP') {
        // The former master wakes up, and for a while believes that it still is one.
        master.signal('SIGCONT');
        await expectRecovery(app);
        await expectNothingUndone();
      }
    });
  });
}
