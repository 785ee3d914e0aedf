/** Nodes restarted one after the other behind nginx, while people go on: nobody notices (reliability: SIGTERM under load). */
import { Agent } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { callOverTls } from '../support/call-over-tls.ts';
import { INSTALL_TIME } from '../support/chromium.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { findNginx, type Nginx, prepareNginx } from '../support/nginx.ts';
import { type ServerProcess, startServerProcess } from '../support/server-process.ts';
import { redisUrl } from '../support/service-urls.ts';

/** Restarts of each node: `ROLLING_RESTARTS=10 npm test -- tests/deployment/rolling-restart.test.ts` for twenty in all. */
// biome-ignore lint/style/noProcessEnv: how long the run is, whoever starts it says
const ROUNDS = Number(process.env['ROLLING_RESTARTS'] ?? 1);
const PEOPLE = 6;
/** Milliseconds. */
const THINK_TIME = 35;
const PASSWORD = 'seven quiet otters sing';

describe('rolling restart behind nginx', function () {
  this.timeout(INSTALL_TIME + ROUNDS * 60_000);
  let database: TestDatabase;
  let nginx: Nginx;
  let origin: string;
  let nodes: ServerProcess[] = [];

  const startNode = (port?: number) =>
    startServerProcess({
      issuer: origin,
      databaseUrl: database.url,
      redisUrl: redisUrl(),
      ...(port === undefined ? {} : { port }),
      settings: { TRUST_PROXY: '127.0.0.1', REQUEST_ID_POLICY: 'require', DRAIN_DELAY: '5' },
    });
  const portOf = ({ socket }: ServerProcess) => Number(new URL(socket).port);

  before(async function () {
    const program = await findNginx();
    if (program === undefined) return this.skip();
    const prepared = await prepareNginx(program);
    ({ origin } = prepared);
    database = await createTestDatabase();
    nodes = [await startNode(), await startNode()];
    nginx = await prepared.start(nodes.map(portOf));
  });

  after(async () => {
    await nginx?.stop();
    await Promise.all(nodes.map((node) => node.kill()));
    await database?.drop();
  });

  /** One person who calls again and again, as a front end does; answers how often. */
  async function use(name: string, stop: AbortSignal): Promise<number> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const cookies = new Map<string, string>();
    let calls = 0;
    const call = async (method: 'GET' | 'POST', path: string, body?: object): Promise<void> => {
      const cookie = [...cookies].map((pair) => pair.join('=')).join('; ');
      const reply = await callOverTls(`${origin}${path}`, nginx.ca, {
        agent,
        method,
        headers: { cookie, ...(body ? { 'content-type': 'application/json' } : {}) },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      calls += 1;
      // About 150 requests a second in all: nginx lets 200 of one address through.
      await delay(THINK_TIME);
      expect(reply.status, `${method} ${path} ${reply.text}`).to.be.within(200, 201);
      for (const line of [reply.headers['set-cookie'] ?? []].flat()) {
        const [, key = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
        cookies.set(key, value);
      }
    };
    const credentials = { email: `${name}@example.com`, password: PASSWORD };
    await call('POST', '/auth/register', credentials);
    while (!stop.aborted) {
      await call('POST', '/auth/login', credentials);
      for (let turn = 0; turn < 20 && !stop.aborted; turn += 1) {
        await call('GET', '/auth/me');
        await call('POST', '/auth/refresh');
        await call('GET', '/.well-known/jwks.json');
      }
    }
    agent.destroy();
    return calls;
  }

  it(`${2 * ROUNDS} restarts fail no request, and every node ends with exit code 0`, async function () {
    const stop = new AbortController();
    const people = Promise.all(
      Array.from({ length: PEOPLE }, (_, index) => use(`person-${index}`, stop.signal)),
    );
    const restarts = async (): Promise<number[]> => {
      const codes = [];
      for (let turn = 0; turn < 2 * ROUNDS; turn += 1) {
        const node = nodes[turn % 2] as ServerProcess;
        codes.push(await node.stop());
        nodes[turn % 2] = await startNode(portOf(node));
      }
      return codes;
    };
    // A failed request ends the test at once.
    const codes = await Promise.race([
      restarts(),
      people.then(() => Promise.reject(new Error('nobody calls any more'))),
    ]).finally(() => stop.abort());
    expect(codes).to.deep.equal(Array(2 * ROUNDS).fill(0));
    const calls = (await people).reduce((sum, count) => sum + count, 0);
    expect(calls).to.be.greaterThan(100);
    if (this.test) this.test.title += ` (${calls} requests)`;
  });
});
