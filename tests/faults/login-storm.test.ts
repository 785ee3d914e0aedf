/** 500 sign-ins at once: the queue bounds what is hashed, and who is signed in hardly notices. */
import { readdir, readFile } from 'node:fs/promises';
import { getPriority } from 'node:os';
import { expect } from 'chai';
import type { Browser } from '../support/browser.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { percentile, refreshing, storm, type Target } from '../support/login-storm.ts';
import { PASSWORD } from '../support/people.ts';
import { type ServerProcess, startServerProcess } from '../support/server-process.ts';
import { redisUrl } from '../support/service-urls.ts';

const AT_ONCE = 500;
/** The settings that a server has when nobody sets them; the support of the tests lets more wait. */
const DEFAULTS = { HASH_QUEUE: '64', HASH_PATIENCE: '5', OVERLOAD_DELAY: '500' };
/** How many times slower refreshing may get in the median, on machines that do other things meanwhile; the title tells. */
const SLOWER = 50;

const descriptorsOf = async (pid: number): Promise<number> =>
  (await readdir(`/proc/${pid}/fd`)).length;

/** KiB of memory. */
const memoryOf = async (pid: number): Promise<number> =>
  Number(/^VmRSS:\s+(\d+)/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]);

describe('a storm of sign-ins (I5, I6, I7)', function () {
  this.timeout(180_000);
  let database: TestDatabase;
  let server: ServerProcess;
  let target: Target;
  let browser: Browser;

  before(async function () {
    if (process.platform !== 'linux') return this.skip();
    database = await createTestDatabase();
    server = await startServerProcess({
      databaseUrl: database.url,
      redisUrl: redisUrl(),
      settings: DEFAULTS,
    });
    const emails = Array.from({ length: 10 }, (_, index) => `person-${index}@storm.example`);
    for (const email of emails) {
      browser = server.browser();
      const json = { email, password: PASSWORD };
      expect((await browser.request('/auth/register', { json })).status).to.equal(201);
      expect((await browser.request('/auth/login', { json })).status).to.equal(200);
    }
    target = { socket: server.socket, emails, password: PASSWORD };
  });
  after(async () => {
    await server?.kill();
    await database?.drop();
  });

  it('the event loop goes before hashes', async () => {
    const threads = `/proc/${server.pid}/task`;
    const niceness: Record<string, Set<number>> = {};
    for (const thread of await readdir(threads)) {
      const name = (await readFile(`${threads}/${thread}/comm`, 'utf8')).trim();
      // proc_pid_stat(5): what follows the name in brackets begins with field 3; 19 is the niceness.
      const fields = (await readFile(`${threads}/${thread}/stat`, 'utf8')).split(') ')[1];
      niceness[name] = (niceness[name] ?? new Set()).add(Number(fields?.split(' ')[16]));
    }
    const { 'libuv-worker': pool, ...others } = niceness;
    // The server has the niceness that the tests were started with.
    const own = getPriority();
    expect(pool).to.deep.equal(new Set([Math.min(own + 10, 19)]));
    for (const [name, those] of Object.entries(others)) {
      expect(those, name).to.deep.equal(new Set([own]));
    }
  });

  it('500 at once: each is checked or told to come back; refreshing goes on', async function () {
    let calls = 0;
    await refreshing(browser, () => calls++ > 50);
    calls = 0;
    const before = await refreshing(browser, () => calls++ > 200);
    let isOver = false;
    const refreshes = refreshing(browser, () => isOver);
    const rounds = [];
    for (let round = 0; round < 3; round += 1) rounds.push(await storm(target, AT_ONCE));
    isOver = true;
    const during = await refreshes;

    for (const { statuses, silent } of rounds) {
      expect(statuses).to.have.all.keys('200', '401', '503');
      expect(Object.values(statuses).reduce((sum, one) => sum + one, 0)).to.equal(AT_ONCE);
      expect(silent).to.equal(0);
    }
    expect([...before.statuses, ...during.statuses]).to.deep.equal([200, 200]);
    const slower = percentile(during.times, 0.5) / percentile(before.times, 0.5);
    expect(slower).to.be.below(SLOWER);
    // Behind the hashes in line there would be one or two in each round.
    expect(during.times.length).to.be.above(5 * rounds.length);
    const figures = [before, during].map(
      ({ times }) => `${percentile(times, 0.5).toFixed(1)}/${percentile(times, 0.99).toFixed(1)}`,
    );
    if (this.test) this.test.title += ` (ms at 50/99 %: ${figures.join(' before, ')} meanwhile)`;
  });

  it('nothing of it stays: sign-ins work, descriptors and memory are back', async () => {
    await storm(target, AT_ONCE);
    const settled = async () => {
      await eventually(async () => (await server.health('ready')) === 200);
      const json = { email: target.emails[0], password: PASSWORD };
      expect((await server.browser().request('/auth/login', { json })).status).to.equal(200);
      return { memory: await memoryOf(server.pid), descriptors: await descriptorsOf(server.pid) };
    };
    const first = await settled();
    for (let round = 0; round < 3; round += 1) await storm(target, AT_ONCE);
    // Each of these connections is one less than the 500 of a storm.
    await eventually(async () =>
      expect(await descriptorsOf(server.pid)).to.be.at.most(first.descriptors + 10),
    );
    expect((await settled()).memory).to.be.below(first.memory * 1.5);
    expect(server.isRunning()).to.equal(true);
    expect(server.output.filter((line) => line.includes('"request.failed"'))).to.deep.equal([]);
  });
});
