import { expect } from 'chai';
import { Redis } from 'ioredis';
import {
  createRedisProbe,
  diagnoseRedis,
  diagnoseStateStore,
  judgeRedis,
} from '../../src/storage/diagnose-redis.ts';
import { createRedisStore } from '../../src/storage/redis-store.ts';
import { silentLog } from '../support/log.ts';
import { startOwnRedis } from '../support/own-redis.ts';

type Service = NonNullable<Awaited<ReturnType<typeof startOwnRedis>>>;

const FINE = {
  redis_version: '7.0.15',
  role: 'master',
  maxmemory_policy: 'noeviction',
  maxmemory: '0',
  used_memory: '1000000',
  aof_enabled: '1',
  rdb_last_bgsave_status: 'ok',
  aof_last_write_status: 'ok',
};

describe('diagnosis of Redis', () => {
  let service: Service;
  let admin: Redis;
  before(async function () {
    const own = await startOwnRedis();
    if (own === undefined) return this.skip();
    service = own;
    admin = new Redis(service.url);
  });
  after(async () => {
    admin?.disconnect();
    await service?.stop();
  });

  const probe = () => createRedisProbe(service.url, silentLog);
  const diagnose = async () => {
    const findings = await diagnoseRedis(probe()).check();
    return findings.map(({ severity, problem }) => `${severity}: ${problem}`);
  };

  it('finds nothing wrong with one that keeps what it is given', async () => {
    await admin.config('SET', 'appendonly', 'yes');
    expect(await diagnose()).to.deep.equal([]);
    expect(Math.abs((await probe().time()) - Date.now())).to.be.lessThan(30_000);
    await admin.config('SET', 'appendonly', 'no');
  });

  it('finds one that keeps nothing on disk, unless it takes snapshots', async () => {
    expect(await diagnose()).to.deep.equal([
      'warning: Redis keeps nothing on disk: after it restarts, everybody has to sign in again.',
    ]);
    await admin.config('SET', 'save', '3600 1');
    expect(await diagnose()).to.deep.equal([]);
  });

  it('finds one that drops what it keeps, or could, or is full', async () => {
    await admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
    expect(await diagnose()).to.deep.equal([
      'warning: Redis may drop sessions and refresh tokens: maxmemory-policy is allkeys-lru, harmless only while maxmemory is 0.',
    ]);
    await admin.config('SET', 'maxmemory', '500mb');
    expect(await diagnose()).to.deep.equal([
      'broken: Redis may drop sessions and refresh tokens: maxmemory-policy is allkeys-lru.',
    ]);
    await admin.config('SET', 'maxmemory-policy', 'noeviction');
    expect(await diagnose()).to.deep.equal([]);
    const full = { ...FINE, maxmemory: '1050000' };
    expect(judgeRedis({ info: full, save: '' }).map(({ problem }) => problem)).to.deep.equal([
      'Redis uses 95 % of its maxmemory; when it is full, nobody can sign in.',
    ]);
    await admin.config('SET', 'maxmemory', '0');
  });

  it('finds a replica', async () => {
    await admin.replicaof('127.0.0.1', 1);
    expect(await diagnose()).to.deep.equal(['broken: Redis is a replica and takes no writes.']);
    await admin.replicaof('NO', 'ONE');
  });

  it('finds one that is too old, or cannot write to its disk', () => {
    const judge = (info: Partial<typeof FINE>) =>
      judgeRedis({ info: { ...FINE, ...info }, save: undefined }).map(({ problem }) => problem);
    expect(judge({})).to.deep.equal([]);
    expect(judge({ redis_version: '6.2.0' })).to.deep.equal([]);
    expect(judge({ redis_version: '6.0.16' })).to.deep.equal(['Redis is 6.0.16.']);
    expect(judge({ rdb_last_bgsave_status: 'err' })[0]).to.contain('snapshot of Redis failed');
    expect(judge({ aof_last_write_status: 'err' })[0]).to.contain('append-only file');
  });

  it('counts the processes that listen', async () => {
    expect(await probe().countListeners()).to.equal(0);
    const store = createRedisStore({ url: service.url, log: silentLog });
    await store.ping();
    await store.subscribe('keys', () => undefined);
    expect(await probe().countListeners()).to.equal(1);
    await store.close();
  });

  it('finds one that is gone', async () => {
    const store = createRedisStore({ url: 'redis://127.0.0.1:1', log: silentLog });
    const [finding] = await diagnoseStateStore(store).check();
    await store.close();
    expect(finding?.severity).to.equal('broken');
    expect(finding?.problem).to.equal('The state store: connect ECONNREFUSED 127.0.0.1:1.');
  });
});
