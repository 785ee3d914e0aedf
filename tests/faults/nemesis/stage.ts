/** Two real server processes on a PostgreSQL and a Redis of their own, each link through a fault proxy. */
import path from 'node:path';
import { Client } from 'pg';
import { Roles } from '../../../src/plugins/roles/contract.ts';
import type { Browser } from '../../support/browser.ts';
import {
  type CrashablePostgres,
  startCrashablePostgres,
} from '../../support/crashable-postgres.ts';
import { type CrashableRedis, startCrashableRedis } from '../../support/crashable-redis.ts';
import { createTestDatabase } from '../../support/database.ts';
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts';
import { ISSUER } from '../../support/nodes.ts';
import { createUser } from '../../support/people.ts';
import { createRelyingParty, type RelyingParty } from '../../support/relying-party.ts';
import {
  SECRET_KEY,
  type ServerProcess,
  startServerProcess,
} from '../../support/server-process.ts';
import { startTestApp, type TestApp } from '../../support/test-app.ts';

const COLLECTOR = path.join(import.meta.dirname, '../../support/collect-garbage-process.ts');

/** One server and its ways to the stores. */
export interface Member {
  readonly name: string;
  readonly postgres: FaultProxy;
  readonly redis: FaultProxy;
  readonly server: ServerProcess;
  browser(): Browser;
  /** Lines of level error of all its processes, one of each kind. */
  errors(): string[];
  /** SIGKILL or SIGTERM; resolves when the process has ended. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
  /** On the port it had; resolves when it is ready. */
  start(): Promise<void>;
}

/** What was there before the first fault. */
export interface Cast {
  readonly rp: RelyingParty;
  readonly superusers: readonly [Person, Person];
  /** Whom they give a role and take it from, one each. */
  readonly holders: readonly [Person, Person];
  readonly superuserRole: string;
  readonly editorRole: string;
}

export interface Person {
  readonly id: string;
  readonly email: string;
}

export interface Stage {
  readonly members: readonly [Member, Member];
  readonly postgres: CrashablePostgres;
  readonly redis: CrashableRedis;
  readonly cast: Cast;
  /** What the servers logged as errors, each message of each process once. */
  errors(): string[];
  /** Rows of a statement, on a connection of its own that no fault touches but a crash. */
  query<Row extends object>(text: string): Promise<Row[]>;
  close(): Promise<void>;
}

/** Undefined when this machine has no Redis. */
export async function startStage(): Promise<Stage | undefined> {
  const redis = await startCrashableRedis();
  if (!redis) return undefined;
  const postgres = await startCrashablePostgres();
  const { url, database } = await createTestDatabase({ server: postgres.url });
  await database.close();
  const cast = await withApp({ url, redis }, createCast);
  const started = await Promise.all([
    startMember('one', url, redis.address),
    startMember('two', url, redis.address),
  ]);
  return {
    members: started,
    postgres,
    redis,
    cast,
    errors: () => started.flatMap((member) => member.errors()),
    query: (text) => queryOnce(url, text),
    async close() {
      await Promise.all(started.map((member) => member.server.kill()));
      for (const proxy of started.flatMap((member) => [member.postgres, member.redis])) {
        await proxy.close();
      }
      await redis.stop();
      await postgres.stop();
    },
  };
}

async function withApp<Result>(
  stores: { readonly url: string; readonly redis: CrashableRedis },
  work: (app: TestApp) => Promise<Result>,
): Promise<Result> {
  const { database } = await createTestDatabase({ server: stores.url });
  const { host, port } = stores.redis.address;
  const app = await startTestApp({
    store: 'redis',
    redisUrl: `redis://${host}:${port}`,
    database: { url: stores.url, database, drop: async () => undefined },
    origin: ISSUER,
    path: '',
    settings: { SECRET_KEY },
  });
  try {
    return await work(app);
  } finally {
    await app.close();
    await database.close();
  }
}

async function createCast(app: TestApp): Promise<Cast> {
  const roles = app.app.use(Roles);
  const editor = await roles.create({ name: 'editor' });
  const superuser = await roles.findByName('superuser');
  return {
    rp: await createRelyingParty(app),
    superusers: [await createUser(app, ['superuser']), await createUser(app, ['superuser'])],
    holders: [await createUser(app), await createUser(app)],
    superuserRole: superuser?.id ?? '',
    editorRole: editor.id,
  };
}

async function startMember(
  name: string,
  databaseUrl: string,
  redisAddress: CrashableRedis['address'],
): Promise<Member> {
  const { hostname, port, pathname, username } = new URL(databaseUrl);
  const postgres = await startFaultProxy({ host: hostname, port: Number(port) });
  const redis = await startFaultProxy(redisAddress);
  const launch = (at?: number) =>
    startServerProcess({
      issuer: ISSUER,
      databaseUrl: `postgres://${username}@127.0.0.1:${postgres.port}${pathname}`,
      redisUrl: `redis://127.0.0.1:${redis.port}`,
      settings: { NODE_OPTIONS: `--import=${COLLECTOR}` },
      ...(at === undefined ? {} : { port: at }),
    });
  let server = await launch();
  const processes = [server];
  return {
    name,
    postgres,
    redis,
    get server() {
      return server;
    },
    browser: () => server.browser(),
    end: async (signal) => void (await (signal === 'SIGKILL' ? server.kill() : server.stop())),
    async start() {
      server = await launch(Number(new URL(server.socket).port));
      processes.push(server);
    },
    errors: () => errorsIn(processes.flatMap(({ output }) => output)),
  };
}

/** By what they say of the failure, without what differs from one request to the next. */
function errorsIn(lines: readonly string[]): string[] {
  const errors = lines.filter(
    (line) => line.includes('"level":50') || line.includes('"level":"error"'),
  );
  return [...new Map(errors.map((line) => [/"err":\{.*/.exec(line)?.[0] ?? line, line])).values()];
}

async function queryOnce<Row extends object>(url: string, text: string): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined); // PostgreSQL is killed on purpose.
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}
