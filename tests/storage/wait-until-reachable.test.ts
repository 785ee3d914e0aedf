import { expect } from 'chai';
import { StoreUnavailable } from '../../src/kernel/store.ts';
import { openDatabase } from '../../src/storage/database.ts';
import { createRedisStore } from '../../src/storage/redis-store.ts';
import { waitForDatabase, waitForStore } from '../../src/storage/wait-until-reachable.ts';
import { createRecordingLog, silentLog } from '../support/log.ts';
import { postgresUrl, redisUrl } from '../support/service-urls.ts';

const unreachable = () =>
  new StoreUnavailable('PostgreSQL did not answer', {
    cause: new Error('outer', { cause: new Error('connect ECONNREFUSED 10.0.0.1:5432') }),
  });

/** Answers at the given attempt. */
function answeringAt(attempt: number) {
  let attempts = 0;
  return {
    async ping() {
      attempts += 1;
      if (attempts < attempt) throw unreachable();
    },
  };
}

describe('wait until reachable', () => {
  const pauses: number[] = [];
  const sleep = async (milliseconds: number) => void pauses.push(milliseconds);
  beforeEach(() => void pauses.splice(0));

  it('says nothing and waits for nothing when the store answers', async () => {
    const log = createRecordingLog();
    await waitForStore(answeringAt(1), { log, sleep });
    expect([pauses, log.entries]).to.deep.equal([[], []]);
  });

  it('tries again, doubling the pause up to 5 s', async () => {
    await waitForDatabase(answeringAt(9), { log: silentLog, sleep });
    expect(pauses).to.deep.equal([250, 500, 1_000, 2_000, 4_000, 5_000, 5_000, 5_000]);
  });

  it('logs one line for each retry, with what is missing and why', async () => {
    const log = createRecordingLog();
    await waitForDatabase(answeringAt(3), { log, sleep });
    expect(log.entries).to.have.length(2);
    expect(log.entries[1]).to.deep.equal({
      level: 'warn',
      fields: {
        event: 'storage.unreachable',
        store: 'PostgreSQL',
        attempt: 2,
        pause: 500,
        reason: 'connect ECONNREFUSED 10.0.0.1:5432',
      },
      message: 'PostgreSQL cannot be reached yet; trying again',
    });
  });

  it('ends when it is told to', async () => {
    const stop = new AbortController();
    const reason = new Error('SIGTERM');
    const stopping = async () => stop.abort(reason);
    const failure: unknown = await waitForStore(answeringAt(99), {
      log: silentLog,
      sleep: stopping,
      signal: stop.signal,
    }).catch((error: unknown) => error);
    expect(failure).to.equal(reason);
  });

  it('does not wait for what waiting cannot heal', async () => {
    const fault = new TypeError('a fault of ours');
    const broken = { ping: () => Promise.reject(fault) };
    const failure: unknown = await waitForStore(broken, { log: silentLog, sleep }).catch(
      (error: unknown) => error,
    );
    expect(failure).to.equal(fault);
    expect(pauses).to.deep.equal([]);
  });

  it('does not wait for a database that PostgreSQL does not have', async () => {
    const url = new URL(postgresUrl());
    url.pathname = '/no_such_database';
    const connection = { connectionString: url.href };
    const database = openDatabase({ connection, poolSize: 1, log: silentLog });
    const failure: unknown = await waitForDatabase(database, { log: silentLog, sleep }).catch(
      (error: unknown) => error,
    );
    await database.close();
    expect(failure).to.be.instanceOf(StoreUnavailable);
    expect(pauses).to.deep.equal([]);
  });

  it('does not wait for a Redis that refuses the password', async function () {
    const base = redisUrl();
    if (!base) return this.skip();
    const url = new URL(base);
    url.username = 'nobody';
    url.password = 'wrong';
    const store = createRedisStore({ url: url.href, log: silentLog });
    const failure: unknown = await waitForStore(store, { log: silentLog, sleep }).catch(
      (error: unknown) => error,
    );
    await store.close();
    expect(failure).to.be.instanceOf(StoreUnavailable);
    expect(pauses).to.deep.equal([]);
  });
});
