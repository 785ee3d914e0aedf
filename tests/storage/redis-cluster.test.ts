import { expect } from 'chai';
import type { StateStore } from '../../src/kernel/store.ts';
import { diagnoseStateStore } from '../../src/storage/diagnose-redis.ts';
import { createRedisStore } from '../../src/storage/redis-store.ts';
import { eventually } from '../support/eventually.ts';
import { silentLog } from '../support/log.ts';
import { askRedis } from '../support/private-redis.ts';
import {
  type ClusterNode,
  type RedisCluster,
  startRedisCluster,
} from '../support/redis-cluster.ts';

describe('the state store on a Redis Cluster', function () {
  this.timeout(60_000);
  let cluster: RedisCluster;
  const stores: StateStore[] = [];

  before(async function () {
    const started = await startRedisCluster();
    if (!started) return this.skip();
    cluster = started;
  });
  afterEach(async () => {
    await Promise.all(stores.splice(0).map((store) => store.close()));
    await cluster?.whenOk();
  });
  after(() => cluster?.stop());

  const open = (url = cluster.url): StateStore => {
    const store = createRedisStore({ url, prefix: 'cluster-test:', log: silentLog });
    stores.push(store);
    return store;
  };
  const master = (at: number): ClusterNode => cluster.masters[at] ?? expect.fail('no such master');
  const urlOf = ({ port }: ClusterNode) => `redis-cluster://127.0.0.1:${port}`;
  const problems = async (store: StateStore): Promise<string[]> =>
    (await diagnoseStateStore(store).check()).map(({ problem }) => problem);
  const isWell = async (store: StateStore) => (await problems(store)).length === 0;

  it('is well while all masters are, also those that the URL does not name', async () => {
    for (const store of [open(), open(urlOf(master(2)))]) await store.ping();
  });

  for (const at of [0, 1, 2]) {
    it(`is not when master ${at + 1} hangs, and says which it is`, async () => {
      const store = open(urlOf(master(0)));
      await store.ping();
      master(at).signal('SIGSTOP');
      try {
        const [problem, ...others] = await problems(store);
        expect(problem).to.contain(`(master 127.0.0.1:${master(at).port})`);
        expect(others).to.deep.equal([]);
      } finally {
        master(at).signal('SIGCONT');
      }
      await eventually(() => isWell(store));
    });
  }

  it('is not while a master is dead, and is again when it is back', async () => {
    const store = open();
    await store.ping();
    master(1).signal('SIGKILL');
    expect(await isWell(store)).to.equal(false);
    // Its connection has ended by now: the other masters know of it.
    expect(await isWell(store)).to.equal(false);
    await master(1).restart();
    await eventually(() => isWell(store));
  });

  it('is not while nobody serves some slots, though all masters answer', async () => {
    const store = open();
    await store.ping();
    const { masters } = cluster;
    await Promise.all(masters.map(({ port }) => askRedis(port, 'CLUSTER DELSLOTS 0')));
    try {
      await eventually(async () => {
        expect(await problems(store)).to.have.lengthOf(1);
        expect((await problems(store))[0]).to.contain('cluster_state is fail');
      });
    } finally {
      await askRedis(master(0).port, 'CLUSTER ADDSLOTS 0');
    }
    await eventually(() => isWell(store));
  });

  it('finds a master again whose connection was closed, though no command is meant for it', async () => {
    const store = open();
    await store.ping();
    await askRedis(master(1).port, 'CLIENT KILL TYPE normal SKIPME yes');
    await eventually(() => isWell(store));
  });

  it('hears messages when the only node that the URL names is gone', async () => {
    const [subscriber, publisher] = [open(urlOf(master(0))), open(urlOf(master(1)))];
    await Promise.all([subscriber.ping(), publisher.ping()]);
    const heard: string[] = [];
    await subscriber.subscribe('news', (message) => heard.push(message));
    master(0).signal('SIGKILL');
    try {
      await eventually(async () => {
        await publisher.publish('news', 'after');
        return heard.includes('after');
      });
    } finally {
      await master(0).restart();
    }
  });
});
