import { expect } from 'chai';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { poolThreads } from '../support/pool-threads.ts';
import { startServerProcess } from '../support/server-process.ts';

describe('thread pool of authsrv start', function () {
  this.timeout(90_000);
  let database: TestDatabase;
  before(async function () {
    if (process.platform !== 'linux') return this.skip();
    database = await createTestDatabase();
  });
  after(() => database?.drop());

  const threadsWith = async (settings: Readonly<Record<string, string>>): Promise<number> => {
    const server = await startServerProcess({ databaseUrl: database.url, settings });
    try {
      return await poolThreads(server.pid);
    } finally {
      await server.stop();
    }
  };

  it('leaves four threads to signing, files and DNS when all HASH_SLOTS are taken', async () => {
    expect(await threadsWith({ HASH_SLOTS: '7' })).to.equal(11);
  });

  it('is never made smaller than UV_THREADPOOL_SIZE', async () => {
    expect(await threadsWith({ HASH_SLOTS: '1', UV_THREADPOOL_SIZE: '9' })).to.equal(9);
  });
});
