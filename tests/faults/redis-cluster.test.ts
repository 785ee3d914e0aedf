/** A Redis Cluster that loses masters. */
import { expect } from 'chai';
import { expectRecovery, listen, pushUntil, useThingsUp } from '../support/failover.ts';
import { askRedis } from '../support/private-redis.ts';
import { type ClusterNode, startRedisCluster } from '../support/redis-cluster.ts';
import { useAppOn } from '../support/use-app-on.ts';

describe('a Redis Cluster in trouble (I1, I2, I5, I6)', function () {
  this.timeout(120_000);
  const on = useAppOn(() => startRedisCluster({ replicas: 1 }));

  const isComplete = async ({ port }: ClusterNode) =>
    (await askRedis(port, 'CLUSTER INFO')).includes('cluster_state:ok');
  const isMaster = async ({ port }: ClusterNode) =>
    (await askRedis(port, 'INFO replication')).includes('role:master');

  const places = () => {
    const [first, second, third] = on.redis.masters;
    const [ofFirst, ofSecond] = on.redis.replicas;
    if (!first || !second || !third || !ofFirst || !ofSecond) throw new Error('too few nodes');
    return { first, second, third, ofFirst, ofSecond };
  };

  it('a master is lost and its replica takes over: 503 until then, nothing is undone', async () => {
    const { app } = on;
    const { first, third, ofFirst } = places();
    const expectMessages = await listen(app);
    const expectNothingUndone = await useThingsUp(app);

    // The node that the subscriber is connected to.
    first.signal('SIGKILL');
    await pushUntil(app, async () => (await isMaster(ofFirst)) && (await isComplete(third)));

    await expectRecovery(app);
    await expectNothingUndone();
    await expectMessages();
  });

  it('a master and its replica are lost: 503, and service again when they are back, empty', async () => {
    const { app } = on;
    const { second, third, ofSecond } = places();
    const expectNothingUndone = await useThingsUp(app);

    ofSecond.signal('SIGKILL');
    second.signal('SIGKILL');
    await pushUntil(app, async () => !(await isComplete(third)));
    const [status] = await pushUntil(app, once());
    expect(status).to.equal(503);
    const ready = await app.browser().request('/health/ready');
    expect(ready.status).to.equal(503);
    expect(ready.json()['dependencies']).to.include({ state_store: 'failed', postgresql: 'ok' });

    await Promise.all([second.restart(), ofSecond.restart()]);
    await on.redis.whenOk();
    await expectRecovery(app);
    await expectNothingUndone();
  });
});

/** False the first time. */
function once(): () => Promise<boolean> {
  let called = false;
  return async () => {
    const result = called;
    called = true;
    return result;
  };
}
