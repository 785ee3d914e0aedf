/** What the Redis store does while a slot of its Cluster moves to another node. */
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { StateStore } from '../../src/kernel/store.ts';
import { createRedisStore } from '../../src/storage/redis-store.ts';
import { silentLog } from '../support/log.ts';
import { askRedis } from '../support/private-redis.ts';
import { type RedisCluster, sharedRedisCluster } from '../support/redis-cluster.ts';

const TIMES = 20;
const PREFIX = 'test:';
const SLOTS = 16_384;

describe('state store on redis-cluster, while a slot moves (I1)', function () {
  this.timeout(60_000);
  let cluster: RedisCluster;
  let one: StateStore;
  let two: StateStore;
  /** All keys of a test are in one slot. */
  let tag: string;
  let slot: number;
  const key = (name: string) => `{${tag}}${name}`;

  before(async function () {
    const found = await sharedRedisCluster();
    if (!found) return this.skip();
    cluster = found;
    const open = () => createRedisStore({ url: cluster.url, prefix: PREFIX, log: silentLog });
    one = open();
    two = open();
    await Promise.all([one.ping(), two.ping()]);
  });
  after(async () => {
    await one?.close();
    await two?.close();
  });

  beforeEach(async () => {
    tag = randomUUID();
    slot = Number((await ask(0, `CLUSTER KEYSLOT ${PREFIX}${key('')}`)).slice(1));
  });

  const ask = (place: number, command: string) =>
    askRedis(cluster.masters[place]?.port ?? 0, command);
  /** Fails for any answer but OK. */
  const tell = async (place: number, command: string) =>
    expect(await ask(place, command)).to.match(/^\+OK/);

  const owner = () => Math.floor((slot * 3) / SLOTS);
  const heir = () => (owner() + 1) % 3;
  const idOf = (place: number) => cluster.masters[place]?.id ?? '';
  const portOf = (place: number) => cluster.masters[place]?.port ?? 0;

  const begin = async () => {
    await tell(heir(), `CLUSTER SETSLOT ${slot} IMPORTING ${idOf(owner())}`);
    await tell(owner(), `CLUSTER SETSLOT ${slot} MIGRATING ${idOf(heir())}`);
  };
  const move = (name: string) =>
    tell(owner(), `MIGRATE 127.0.0.1 ${portOf(heir())} ${PREFIX}${key(name)} 0 1000`);
  const end = async () => {
    const from = owner();
    const to = heir();
    for (const place of [to, from, 3 - from - to]) {
      await tell(place, `CLUSTER SETSLOT ${slot} NODE ${idOf(to)}`);
    }
  };
  /** 20 at once, over both instances: exactly one is the first. */
  const race = async (name: string): Promise<void> => {
    const found = await Promise.all(
      Array.from({ length: TIMES }, (_, i) => (i % 2 ? one : two).consumeOnce(key(name))),
    );
    expect(found.filter((answer) => answer?.first)).to.have.length(1);
    expect(new Set(found.map((answer) => answer?.value))).to.deep.equal(new Set([name]));
  };

  it('every call works, and nothing is consumed twice: before, during and after', async () => {
    for (const name of ['before', 'stays', 'goes', 'late']) await one.set(key(name), name, 60);
    await race('before');

    await begin();
    await race('stays');
    await move('goes');
    await race('goes');
    expect(await two.setIfAbsent(key('new'), 'new', 60)).to.equal(true);
    expect(await one.setIfAbsent(key('new'), 'other', 60)).to.equal(false);
    await race('new');
    for (const name of ['before', 'stays']) await move(name);
    for (const name of ['before', 'stays', 'goes', 'new']) {
      expect(await one.consumeOnce(key(name))).to.deep.equal({ first: false, value: name });
    }

    await Promise.all([race('late'), move('late')]);
    await end();
    for (const name of ['before', 'stays', 'goes', 'new', 'late']) {
      expect(await two.consumeOnce(key(name))).to.deep.equal({ first: false, value: name });
    }
    await one.set(key('after'), 'after', 60);
    await race('after');
  });
});
