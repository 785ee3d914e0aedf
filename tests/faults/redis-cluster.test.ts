/** A Redis Cluster that loses masters. */
import { expect } from 'chai';
import { eventually } from '../support/eventually.ts';
import { expectRecovery, pushUntil, RECOVERY, useThingsUp } from '../support/failover.ts';
import { ISSUER } from '../support/nodes.ts';
import { askRedis } from '../support/private-redis.ts';
import {
  type ClusterNode,
  type RedisCluster,
  startRedisCluster,
} from '../support/redis-cluster.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

describe('a Redis Cluster in trouble (I1, I2, I5, I6)', function () {
  this.timeout(120_000);
  let cluster: RedisCluster;
  let app: TestApp;

  before(async function () {
    const started = await startRedisCluster({ replicas: 1 });
    if (!started) return this.skip();
    cluster = started;
    app = await startTestApp({ store: 'redis', origin: ISSUER, redisUrl: cluster.url });
  });
  after(async () => {
    await app?.close();
    await cluster?.stop();
  });

  const isComplete = async ({ port }: ClusterNode) =>
    (await askRedis(port, 'CLUSTER INFO')).includes('cluster_state:ok');
  const isMaster = async ({ port }: ClusterNode) =>
    (await askRedis(port, 'INFO replication')).includes('role:master');

  const places = () => {
    const [first, second, third] = cluster.masters;
    const [ofFirst, ofSecond] = cluster.replicas;
    if (!first || !second || !third || !ofFirst || !ofSecond) throw new Error('too few nodes');
    return { first, second, third, ofFirst, ofSecond };
  };

  it('a master is lost and its replica takes over: 503 until then, nothing is undone', async () => {
    const { first, third, ofFirst } = places();
    const heard: string[] = [];
    await app.storage.store.subscribe('test', (message) => heard.push(message));
    const expectNothingUndone = await useThingsUp(app);

    // The node that the subscriber is connected to.
    first.signal('SIGKILL');
    await pushUntil(app, async () => (await isMaster(ofFirst)) && (await isComplete(third)));

    await expectRecovery(app);
    await expectNothingUndone();
    await eventually(async () => {
      await app.storage.store.publish('test', 'after');
      return heard.includes('after');
    }, RECOVERY);
  });

  it('a master and its replica are lost: 503, and service again when they are back, empty', async () => {
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
    await cluster.whenOk();
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
