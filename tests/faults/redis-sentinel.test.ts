/** Failovers that Sentinel decides, with acknowledged writes possibly lost. */
import { expect } from 'chai';
import { expectRecovery, listen, pushUntil, useThingsUp } from '../support/failover.ts';
import { startRedisSentinel } from '../support/redis-sentinel.ts';
import { useAppOn } from '../support/use-app-on.ts';

for (const [fault, signal] of [
  ['is killed', 'SIGKILL'],
  ['hangs', 'SIGSTOP'],
] as const) {
  describe(`the master of a Sentinel ${fault} (I1, I2, I5, I6)`, function () {
    this.timeout(90_000);
    const on = useAppOn(startRedisSentinel);

    it('the failover is followed, also by subscribers, and undoes nothing', async () => {
      const { app, redis } = on;
      const expectMessages = await listen(app);
      const expectNothingUndone = await useThingsUp(app);
      const [master, replica] = redis.servers;

      master.signal(signal);
      const isSwitched = async () => (await redis.master()) === replica.port;
      const statuses = await pushUntil(app, isSwitched);
      expect(statuses).to.include(503);

      await expectRecovery(app);
      await expectNothingUndone();
      await expectMessages();

      if (signal === 'SIGSTOP') {
        // The former master wakes up, and for a while believes that it still is one.
        master.signal('SIGCONT');
        await expectRecovery(app);
        await expectNothingUndone();
      }
    });
  });
}
