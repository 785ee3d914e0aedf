/** Clients that take their time, say nothing or say too much: real users notice nothing of them. */
import { readdir } from 'node:fs/promises';
import { expect } from 'chai';
import type { Browser } from '../support/browser.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { PASSWORD } from '../support/people.ts';
import { openRawConnection, type RawConnection } from '../support/raw-connection.ts';
import { type ServerProcess, startServerProcess } from '../support/server-process.ts';

/** Milliseconds: what a header has time for, until the next look, on a busy machine. */
const PATIENCE = 60_000;
const CREDENTIALS = { email: 'person@slow.example', password: PASSWORD };

describe('slow, silent and excessive clients (I5, I7)', function () {
  this.timeout(120_000);
  let database: TestDatabase;
  let server: ServerProcess;
  let browser: Browser;
  const opened: RawConnection[] = [];

  before(async function () {
    if (process.platform !== 'linux') return this.skip();
    database = await createTestDatabase();
    server = await startServerProcess({ databaseUrl: database.url });
    browser = server.browser();
    const answer = await browser.request('/auth/register', { json: CREDENTIALS });
    expect(answer.status).to.equal(201);
    const signedIn = await browser.request('/auth/login', { json: CREDENTIALS });
    expect(signedIn.status).to.equal(200);
  });
  afterEach(() => {
    for (const { socket } of opened.splice(0)) socket.destroy();
  });
  after(async () => {
    await server?.kill();
    await database?.drop();
  });

  const portOf = ({ socket }: ServerProcess): number => Number(new URL(socket).port);
  const open = async (count: number, first = '', node = server): Promise<RawConnection[]> => {
    const connections = await Promise.all(
      Array.from({ length: count }, () => openRawConnection(portOf(node), first)),
    );
    opened.push(...connections);
    return connections;
  };
  const descriptors = async (): Promise<number> => (await readdir(`/proc/${server.pid}/fd`)).length;
  const expectService = async (): Promise<void> => {
    const visitor = server.browser();
    const login = await visitor.request('/auth/login', { json: CREDENTIALS });
    expect(login.status).to.equal(200);
    // A user has so many sessions and no more: the oldest would end.
    expect((await visitor.request('/auth/logout', { method: 'POST' })).status).to.equal(204);
    expect((await browser.request('/auth/refresh', { method: 'POST' })).status).to.equal(200);
    expect((await browser.request('/auth/me')).status).to.equal(200);
  };

  it('hundreds of them at once hold nobody up, and those without a whole header are cut off', async () => {
    await expectService();
    const before = await descriptors();
    const trickling = await open(300, 'GET /auth/me HTTP/1.1\r\nHost: x\r\n');
    const silent = await open(300);
    await open(
      100,
      'POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{',
    );
    const all = [...trickling, ...silent];
    let calls = 0;
    await eventually(async () => {
      for (const { socket, isOver } of trickling) if (!isOver()) socket.write('X-A: 1\r\n');
      await expectService();
      calls += 1;
      expect(all.filter(({ isOver }) => !isOver())).to.have.lengthOf(0);
    }, PATIENCE);
    expect(calls).to.be.above(3);
    for (const { received } of trickling) expect(received()).to.match(/^(HTTP\/1\.1 408 |$)/);
    for (const { socket } of opened.splice(0)) socket.destroy();
    await eventually(async () => expect(await descriptors()).to.be.at.most(before + 10), PATIENCE);
  });

  it('a header of 64 KB is refused with 431, and ends its connection', async () => {
    const header = `GET /auth/me HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(64 * 1024)}\r\n\r\n`;
    const [one] = await open(20, header);
    await eventually(() => expect(opened.every(({ isOver }) => isOver())).to.equal(true));
    expect(one?.received()).to.match(/^(HTTP\/1\.1 431 |$)/);
    await expectService();
  });

  it('requests in one go are answered in order, one after the other', async () => {
    const paths = Array.from({ length: 100 }, (_, index) =>
      index % 2 ? '/.well-known/jwks.json' : '/auth/me',
    );
    const requests = paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`).join('');
    const pipelines = await open(20, requests);
    await expectService();
    const statusesOf = ({ received }: RawConnection) =>
      [...received().matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => Number(status));
    const expected = paths.map((path) => (path === '/auth/me' ? 401 : 200));
    await eventually(() => {
      for (const one of pipelines) expect(statusesOf(one)).to.deep.equal(expected);
    }, PATIENCE);
  });

  it('more than MAX_CONNECTIONS are turned away, until those in the way are cut off', async () => {
    const small = await startServerProcess({
      databaseUrl: database.url,
      settings: { MAX_CONNECTIONS: '20' },
    });
    try {
      const flood = await open(60, '', small);
      await eventually(() => flood.filter(({ isOver }) => isOver()).length >= 40);
      await eventually(async () => (await small.health('live')) === 200, PATIENCE);
    } finally {
      await small.kill();
    }
  });
});
