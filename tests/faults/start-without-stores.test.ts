import { expect } from 'chai';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { freePort } from '../support/free-port.ts';
import { type ServerProcess, spawnServerProcess } from '../support/server-process.ts';
import { redisUrl } from '../support/service-urls.ts';
import { storeKinds } from '../support/test-app.ts';

/** Milliseconds: the longest pause between two attempts, and a start on a busy machine. */
const APPEARS = 30_000;

describe('authsrv start while a store is absent (I6)', () => {
  let database: TestDatabase;
  let proxy: FaultProxy;
  let server: ServerProcess | undefined;

  before(async () => {
    database = await createTestDatabase();
  });
  after(() => database?.drop());
  afterEach(async () => {
    await server?.kill();
    await proxy?.close();
  });

  const said = (text: RegExp) => (server?.output ?? []).filter((line) => text.test(line));

  /** Behind a proxy that refuses until `appear`. */
  const absent = async (url: string, port: number): Promise<string> => {
    const target = new URL(url);
    proxy = await startFaultProxy({ host: target.hostname, port: Number(target.port || port) });
    proxy.fault = 'refuse';
    target.host = `127.0.0.1:${proxy.port}`;
    return target.href;
  };

  const expectPatience = async (name: string): Promise<void> => {
    const process = server as ServerProcess;
    await eventually(async () => (await process.health('live')) === 200, APPEARS);
    await eventually(() => said(/"event":"storage.unreachable"/).length >= 2, APPEARS);
    expect(await process.health('ready')).to.equal(503);
    expect(said(/trying again/)[0]).to.include(name);
    proxy.fault = 'pass';
    await eventually(async () => (await process.health('ready')) === 200, APPEARS);
    const login = { json: { email: 'nobody@example.com', password: 'never quite right' } };
    expect((await process.browser().request('/auth/login', login)).status).to.equal(401);
    expect(await process.stop()).to.equal(0);
  };

  it('listens, is not ready, says so, and becomes ready when PostgreSQL appears', async function () {
    this.timeout(120_000);
    const databaseUrl = await absent(database.url, 5432);
    server = await spawnServerProcess({ databaseUrl });
    await expectPatience('PostgreSQL');
  });

  it('listens, is not ready, says so, and becomes ready when Redis appears', async function () {
    this.timeout(120_000);
    const url = redisUrl();
    if (!storeKinds.includes('redis') || url === undefined) return this.skip();
    server = await spawnServerProcess({
      databaseUrl: database.url,
      redisUrl: await absent(url, 6379),
    });
    await expectPatience('state store');
  });

  it('gives up at once on SIGTERM, with exit code 0', async function () {
    this.timeout(120_000);
    const databaseUrl = `postgres://nobody@127.0.0.1:${await freePort()}/nowhere`;
    server = await spawnServerProcess({ databaseUrl });
    await eventually(() => said(/"event":"storage.unreachable"/).length > 0, APPEARS);
    const since = performance.now();
    expect(await server.stop()).to.equal(0);
    expect(performance.now() - since).to.be.below(2_000);
  });

  it('ends at once when the database refuses the login, and says why', async function () {
    this.timeout(120_000);
    const databaseUrl = new URL(database.url);
    databaseUrl.pathname = '/auth_no_such_database';
    server = await spawnServerProcess({ databaseUrl: databaseUrl.href });
    expect(await server.exited).to.equal(1);
    expect(said(/auth_no_such_database/)).not.to.deep.equal([]);
  });
});
