import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { processesOn } from '../support/embedded-postgres-child.ts';
import { eventually } from '../support/eventually.ts';
import { PASSWORD } from '../support/people.ts';
import {
  runCommand,
  type ServerProcess,
  spawnServerProcess,
  startServerProcess,
} from '../support/server-process.ts';

describe('the embedded PostgreSQL behind real processes (I3)', () => {
  let folder: string;
  const servers: ServerProcess[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'test-embedded-'));
  });
  afterEach(async function () {
    this.timeout(60_000);
    await Promise.all(servers.splice(0).map((server) => server.stop()));
    await rm(folder, { recursive: true, force: true });
  });

  const settings = () => ({ DATA_DIR: folder });

  const keep = (server: ServerProcess): ServerProcess => {
    servers.push(server);
    return server;
  };

  const cli = (...args: readonly string[]): Promise<string> => runCommand(args, settings());

  it('five commands at once during a start all answer', async function () {
    this.timeout(120_000);
    const server = keep(await spawnServerProcess({ settings: settings() }));
    const lists = await Promise.all(Array.from({ length: 5 }, () => cli('role', 'list', '--json')));
    for (const list of lists) expect(JSON.parse(list)).to.be.an('array');
    await server.ready();
    // They came and went; the server still has its database.
    expect(JSON.parse(await cli('role', 'list', '--json'))).to.be.an('array');
    expect(await server.health('ready')).to.equal(200);
  });

  it('a start that fails leaves no process, and no PostgreSQL', async function () {
    this.timeout(120_000);
    await startServerProcess({ settings: settings() }).then((server) => server.stop());
    const SECRET_KEY = 'another-key-0123456789-0123456789-0123456789';
    const server = keep(await spawnServerProcess({ settings: { ...settings(), SECRET_KEY } }));
    expect(await server.exited).to.equal(1);
    expect(server.output.join('\n')).to.include('SECRET_KEY');
    expect(await processesOn(folder)).to.deep.equal([]);
  });

  it('kill -9 leaves no PostgreSQL behind and loses no acknowledged user', async function () {
    this.timeout(180_000);
    const acknowledged: string[] = [];
    for (let round = 0; round < 2; round += 1) {
      const server = await startServerProcess({ settings: settings() });
      const registering = Array.from({ length: 30 }, async (_, index) => {
        const email = `person-${round}-${index}@example.com`;
        const answer = await server.browser().request('/auth/register', {
          json: { email, password: PASSWORD },
        });
        if (answer.status === 201) acknowledged.push(email);
        if (acknowledged.length === 10 * (round + 1)) await server.kill();
      });
      await Promise.allSettled(registering);
      expect(server.isRunning()).to.equal(false);
      await eventually(async () => {
        expect(await processesOn(folder)).to.deep.equal([]);
      }, 10_000);
    }
    const last = keep(await startServerProcess({ settings: settings() }));
    const json = await cli('user', 'list', '--limit', '100', '--json');
    const users = (JSON.parse(json) as { email: string }[]).map(({ email }) => email);
    expect(users).to.include.members(acknowledged);
    const [email] = acknowledged;
    const signIn = { json: { email, password: PASSWORD } };
    expect((await last.browser().request('/auth/login', signIn)).status).to.equal(200);
  });
});
