/** `authsrv start` with WEB_CONCURRENCY: several processes on one port, one that keeps them. */
import { rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { expect } from 'chai';
import { commandOf, descendantsOf, isAlive } from '../support/child-processes.ts';
import { tokensOf } from '../support/cookie-api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { ISSUER } from '../support/nodes.ts';
import { PASSWORD } from '../support/people.ts';
import { makeScratchFolder } from '../support/scratch-folder.ts';
import {
  runCommand,
  type ServerProcess,
  type ServerProcessOptions,
  spawnServerProcess,
  startServerProcess,
} from '../support/server-process.ts';

const STARTS = 60_000;

/** Those that serve: the children of the process that is known from outside. */
async function workersOf({ pid }: ServerProcess): Promise<number[]> {
  const all = await descendantsOf(pid);
  const commands = await Promise.all(all.map(commandOf));
  return all.filter((_, index) => commands[index]?.includes('authsrv.js start'));
}

const eventsOf = ({ output }: ServerProcess, event: string): Record<string, unknown>[] =>
  output
    .filter((line) => line.includes(`"${event}"`))
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** What each of six calls is answered with; each has a connection of its own, so they go to the workers in turn. */
async function meOverNewConnections(server: ServerProcess, access: string): Promise<number[]> {
  const headers = { authorization: `Bearer ${access}`, connection: 'close' };
  const statuses: number[] = [];
  for (let turn = 0; turn < 6; turn += 1) {
    const answer = await server.browser().request('/auth/me', { anonymous: true, headers });
    statuses.push(answer.status);
  }
  return statuses;
}

interface Reply {
  readonly status: number;
  /** Whether the server asks to go elsewhere with the next request. */
  readonly isLast: boolean;
}

const get = (server: ServerProcess, path: string, agent: Agent): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const call = request(`${server.socket}${path}`, { agent }, (response) => {
      const isLast = response.headers.connection === 'close';
      response.resume();
      response.once('end', () => resolve({ status: response.statusCode ?? 0, isLast }));
    });
    call.once('error', reject);
    call.end();
  });

const metricsOf = async ({ socket }: ServerProcess): Promise<string> =>
  (await fetch(`${socket}/metrics`)).text();

describe('WEB_CONCURRENCY', function () {
  this.timeout(3 * STARTS);
  let database: TestDatabase;
  const servers: ServerProcess[] = [];

  before(async function () {
    if (process.platform !== 'linux') return this.skip();
    database = await createTestDatabase();
  });
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.kill()));
  });
  after(() => database?.drop());

  const start = async (options: ServerProcessOptions = {}) => {
    const server = await spawnServerProcess({
      databaseUrl: database.url,
      settings: { WEB_CONCURRENCY: '2' },
      ...options,
    });
    servers.push(server);
    await eventually(() => server.output.some((line) => line.includes('is ready at')), STARTS);
    return server;
  };

  it('both serve, know of each other’s revocations at once, and are told apart in /metrics', async () => {
    const server = await start({ issuer: ISSUER });
    expect(await workersOf(server)).to.have.lengthOf(2);
    const email = 'person@workers.example';
    const answer = await server.browser().request('/auth/register', {
      json: { email, password: PASSWORD },
    });
    expect(answer.status).to.equal(201);
    const browser = server.browser();
    const signedIn = await browser.request('/auth/login', { json: { email, password: PASSWORD } });
    expect(signedIn.status).to.equal(200);
    const { access } = tokensOf(signedIn);
    expect(await meOverNewConnections(server, access)).to.deep.equal(Array(6).fill(200));
    const out = await browser.request('/auth/logout', { method: 'POST' });
    expect(out.status).to.equal(204);
    await eventually(async () => {
      expect(await meOverNewConnections(server, access)).to.deep.equal(Array(6).fill(401));
    });
    const metrics = await metricsOf(server);
    const counts = [...metrics.matchAll(/^process_start_time_seconds\{worker="(\d)"\}/gm)];
    expect(counts.map(([, worker]) => worker)).to.have.members(['1', '2']);
    expect(await server.stop()).to.equal(0);
  });

  it('one that is killed is replaced, while the other one serves', async () => {
    const server = await start();
    const [victim = 0] = await workersOf(server);
    process.kill(victim, 'SIGKILL');
    await eventually(() => eventsOf(server, 'worker.exited').length === 1);
    const [exit] = eventsOf(server, 'worker.exited');
    expect(exit).to.include({ worker: 1, signal: 'SIGKILL', exit_code: null });
    expect(await server.health('ready')).to.equal(200);
    await eventually(() => eventsOf(server, 'server.started').length === 3, STARTS);
    expect(await workersOf(server)).to.have.lengthOf(2);
    expect(await server.stop()).to.equal(0);
  });

  it('SIGTERM to all of them under load ends every request that was begun, and exits with 0', async () => {
    const server = await start({ settings: { WEB_CONCURRENCY: '2', DRAIN_DELAY: '3' } });
    let answered = 0;
    /** A proxy that keeps its connection until it is asked to go elsewhere. */
    const use = async (): Promise<number[]> => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const statuses = new Set<number>();
      for (let isLast = false; !isLast; answered += 1) {
        const reply = await get(server, '/.well-known/openid-configuration', agent);
        statuses.add(reply.status);
        isLast = reply.isLast;
      }
      agent.destroy();
      return [...statuses];
    };
    const proxies = Promise.all(Array.from({ length: 8 }, use));
    await Promise.race([proxies, eventually(() => answered > 200, STARTS)]);
    // As a service manager does: the signal reaches every process of the service, and the first one passes it on.
    for (const pid of await workersOf(server)) process.kill(pid, 'SIGTERM');
    expect(await server.stop()).to.equal(0);
    expect(await proxies).to.deep.equal(Array(8).fill([200]));
    expect(eventsOf(server, 'worker.exited')).to.deep.equal([]);
  });

  it('a port in use ends all, in plain words', async () => {
    const first = await start();
    const second = await spawnServerProcess({
      databaseUrl: database.url,
      port: Number(new URL(first.socket).port),
      settings: { WEB_CONCURRENCY: '2' },
    });
    servers.push(second);
    expect(await second.exited).to.equal(1);
    const said = second.output.filter((line) => !line.startsWith('{'));
    expect(said).to.have.lengthOf(2);
    expect(said[0]).to.match(/is in use: set PORT or HOST/);
    expect(said[1]).to.match(/could not start/);
  });

  describe('with the embedded PostgreSQL', () => {
    let folder: string;
    before(async () => {
      folder = await makeScratchFolder('workers-');
    });
    after(() => rm(folder, { recursive: true, force: true }));

    it('there is one of it, which commands join; kill -9 leaves no process', async () => {
      const server = await startServerProcess({
        settings: { WEB_CONCURRENCY: '2', DATA_DIR: folder },
      });
      servers.push(server);
      await eventually(async () => (await workersOf(server)).length === 2, STARTS);
      expect(await runCommand(['keys', 'list'], { DATA_DIR: folder })).to.contain('current');
      const all = await descendantsOf(server.pid);
      const commands = await Promise.all(all.map(commandOf));
      const postmasters = commands.filter((command) => /^\S*\/postgres -D/.test(command));
      expect(postmasters).to.have.lengthOf(1);
      await server.kill();
      await eventually(async () => {
        const alive = await Promise.all(all.map(isAlive));
        expect(all.filter((_, index) => alive[index])).to.deep.equal([]);
      }, 20_000);
    });
  });
});
