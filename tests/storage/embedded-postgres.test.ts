import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { Client } from 'pg';
import { DataDirectoryInUse } from '../../src/storage/embedded-postgres/failures.ts';
import {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from '../../src/storage/embedded-postgres/start-embedded-postgres.ts';
import {
  type EmbeddedPostgresChild,
  processesOn,
  spawnEmbeddedPostgres,
} from '../support/embedded-postgres-child.ts';
import { eventually } from '../support/eventually.ts';
import { makeScratchFolder } from '../support/scratch-folder.ts';

describe('embedded PostgreSQL', () => {
  let template: string;
  let folder: string;
  let dataDir: string;
  const children: EmbeddedPostgresChild[] = [];
  const started: EmbeddedPostgres[] = [];

  before(async () => {
    template = await makeScratchFolder('embedded-template-');
    const options = { dataDir: path.join(template, 'postgres'), fsync: false } as const;
    await startEmbeddedPostgres({ role: 'server', ...options }).then(({ stop }) => stop());
  });

  after(() => rm(template, { recursive: true }));

  beforeEach(async () => {
    folder = await makeScratchFolder('embedded-');
    dataDir = path.join(folder, 'postgres');
  });

  afterEach(async () => {
    await Promise.all(children.splice(0).map((child) => child.kill()));
    await Promise.all(started.splice(0).map((postgres) => postgres.stop()));
    await eventually(async () => (await processesOn(folder)).length === 0);
    await rm(folder, { recursive: true });
  });

  async function start(options: Partial<EmbeddedPostgresOptions> = {}): Promise<EmbeddedPostgres> {
    const postgres = await startEmbeddedPostgres({ dataDir, role: 'server', ...options });
    started.push(postgres);
    return postgres;
  }

  function spawnChild(...[role, task]: ['server' | 'cli', 'hold' | 'query' | 'insert']) {
    const child = spawnEmbeddedPostgres(dataDir, role, task);
    children.push(child);
    return child;
  }

  /** As after an earlier start, without the second that initdb takes. */
  const copyData = () => cp(template, folder, { recursive: true });

  const lockFile = () => path.join(dataDir, 'postmaster.pid');
  const postmasterPid = async () => Number.parseInt(await readFile(lockFile(), 'utf8'), 10);

  describe('first start', () => {
    it('answers on a private socket and on nothing else', async () => {
      const postgres = await start();
      expect(postgres.owned).to.equal(true);
      expect(await query(postgres, 'SHOW listen_addresses')).to.deep.equal([
        { listen_addresses: '' },
      ]);
      expect(await query(postgres, 'SHOW fsync')).to.deep.equal([{ fsync: 'on' }]);
    });

    it('removes what an interrupted initdb left', async () => {
      const child = spawnChild('server', 'hold');
      await eventually(async () => {
        const name = (await readdir(folder)).find((one) => one.startsWith('postgres.initdb-'));
        expect(await readdir(path.join(folder, name ?? ''))).to.include('PG_VERSION');
      });
      await child.kill();
      expect(await query(await start(), 'SELECT 1 AS one')).to.deep.equal([{ one: 1 }]);
      expect(await readdir(folder)).to.deep.equal(['postgres']);
    });

    it('lets commands and a server start at the same moment', async () => {
      const server = spawnChild('server', 'hold');
      const commands = Array.from({ length: 5 }, () => spawnChild('cli', 'query'));
      const codes = await Promise.all(commands.map((command) => command.exited));
      expect(codes, JSON.stringify(commands.map((one) => one.events))).to.deep.equal([
        0, 0, 0, 0, 0,
      ]);
      expect((await server.saying('ready')).owned).to.equal(true);
      expect(await server.end()).to.equal(0);
      expect(await readdir(folder)).to.deep.equal(['postgres']);
    });
  });

  describe('one process', () => {
    beforeEach(copyData);

    it('keeps its data over a stop, which leaves no process and no socket', async () => {
      const first = await start();
      await query(first, 'CREATE TABLE kept AS SELECT 42 AS answer');
      await first.stop();
      expect(await processesOn(folder)).to.deep.equal([]);
      expect(await readdir(tmpdir())).not.to.include(path.basename(first.host));
      expect(await query(await start(), 'SELECT answer FROM kept')).to.deep.equal([{ answer: 42 }]);
    });

    it('comes back on the same socket after PostgreSQL was killed', async () => {
      const postgres = await start();
      await query(postgres, 'CREATE TABLE kept AS SELECT 42 AS answer');
      process.kill(await postmasterPid(), 'SIGKILL');
      await eventually(async () => {
        expect(await query(postgres, 'SELECT answer FROM kept')).to.deep.equal([{ answer: 42 }]);
      });
    });

    it('says nothing of what a failed statement held', async () => {
      const lines: string[] = [];
      const postgres = await start({ log: (line) => lines.push(line) });
      await query(postgres, 'CREATE TABLE users (email text PRIMARY KEY)');
      const insert = `INSERT INTO users VALUES ('anne@green.gables')`;
      await query(postgres, insert);
      expect((await failureOf(query(postgres, insert))).message).to.include('duplicate key');
      await postgres.stop();
      expect(lines.join('\n')).to.include('shut down').and.not.to.include('gables');
    });
  });

  describe('after a crash', () => {
    beforeEach(copyData);

    it('leaves no process behind and loses no acknowledged row', async () => {
      for (let round = 0; round < 3; round++) {
        const child = spawnChild('server', 'insert');
        await eventually(() => acknowledged(child) >= 20 * (round + 1), 15_000);
        await child.kill();
        await eventually(async () => (await processesOn(folder)).length === 0);
        const postgres = await start();
        const [row] = await query(postgres, 'SELECT max(id)::int AS last FROM acknowledged');
        expect(row?.['last']).to.be.at.least(acknowledged(child));
        await postgres.stop();
      }
    });

    it('takes over from a killed server at once, even when its guards were killed too', async () => {
      const child = spawnChild('server', 'hold');
      const { host = '' } = await child.saying('ready');
      const guards = (await processesOn(folder)).filter(({ command }) =>
        /\d+ \/bin\/sh /.test(command),
      );
      expect(guards).to.have.length(2);
      // Stopped first: it would notice, and end PostgreSQL itself.
      process.kill(child.pid, 'SIGSTOP');
      for (const { pid } of guards) process.kill(pid, 'SIGKILL');
      await child.kill();
      expect((await processesOn(folder)).length).to.be.above(0);
      expect((await start()).owned).to.equal(true);
      // Their part, had they lived.
      await rm(host, { recursive: true, force: true });
    });

    for (const [what, pid] of [
      ['a process that is gone', '4194303'],
      ['a process that is no PostgreSQL', String(process.pid)],
      ['nothing', undefined],
    ] as const) {
      it(`starts over a lock file that names ${what}`, async () => {
        const lines = [pid, dataDir, '1700000000', '5432', '/tmp/gone', '', '1 2', 'ready   ', ''];
        await writeFile(lockFile(), pid === undefined ? '' : lines.join('\n'));
        const postgres = await start({ patience: { empty: 50 } });
        expect(await query(postgres, 'SELECT 1 AS one')).to.deep.equal([{ one: 1 }]);
      });
    }
  });

  describe('several processes on one data directory', () => {
    beforeEach(copyData);

    it('lets a command join a server, and end without it', async () => {
      const server = spawnChild('server', 'hold');
      const { host } = await server.saying('ready');
      const command = await start({ role: 'cli' });
      expect(command).to.include({ host, owned: false });
      await command.stop();
      expect(await query(command, 'SELECT 1 AS one')).to.deep.equal([{ one: 1 }]);
      expect(await server.end()).to.equal(0);
    });

    it('waits for a command to end', async () => {
      const command = spawnChild('cli', 'hold');
      await command.saying('ready');
      const waiting: string[] = [];
      const server = start({ log: (line) => waiting.push(line) });
      await eventually(() =>
        waiting.some((line) => line.includes(`a command with pid ${command.pid}`)),
      );
      await command.end();
      expect((await server).owned).to.equal(true);
    });

    for (const role of ['server', 'cli'] as const) {
      it(`tells a ${role} which command does not end`, async () => {
        const command = spawnChild('cli', 'hold');
        await command.saying('ready');
        const failure = await failureOf(start({ role, patience: { command: 100 } }));
        expect(failure).to.be.instanceOf(DataDirectoryInUse);
        expect(failure.message)
          .to.include(dataDir)
          .and.include(`a command with pid ${command.pid}`);
      });
    }

    it('tells a second server the pid of the first', async () => {
      const server = spawnChild('server', 'hold');
      await server.saying('ready');
      const failure = await failureOf(start({ patience: { server: 100 } }));
      expect(failure).to.be.instanceOf(DataDirectoryInUse);
      expect(failure.message).to.include(`a server with pid ${server.pid}`);
      expect(server.events.at(-1)?.event).to.equal('ready');
    });
  });
});

async function query({ host, port, user, database }: EmbeddedPostgres, text: string) {
  const client = new Client({ host, port, user, database });
  try {
    await client.connect();
    const { rows } = await client.query<Record<string, unknown>>(text);
    return rows;
  } finally {
    await client.end();
  }
}

/** The highest row that PostgreSQL has confirmed. */
function acknowledged(child: EmbeddedPostgresChild): number {
  return child.events.findLast(({ event }) => event === 'acknowledged')?.id ?? 0;
}

async function failureOf(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('It did not fail');
}
