/** The whole server for one test file: a database of its own, a real socket, real stores. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type App, type AppOptions, createApp } from '../../src/app.ts';
import type { EventLoopDelay } from '../../src/http/event-loop-delay.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import type { Log, Plugin } from '../../src/kernel/plugin.ts';
import { loadSettings } from '../../src/load-settings.ts';
import { MOST_HEADERS, TIMEOUTS } from '../../src/main.ts';
import { openStorage, type Storage } from '../../src/storage/open-storage.ts';
import { systemClock, systemRandom } from '../../src/system.ts';
import { type AnswerCheck, checkAnswers } from './answer-check.ts';
import { type Browser, createBrowser } from './browser.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { silentLog } from './log.ts';

export type StoreKind = 'postgres' | 'redis';

export interface TestAppOptions {
  /** Where codes, sessions and refresh tokens live. Default: postgres. */
  readonly store?: StoreKind;
  /** Path below which the server listens. Default: TEST_BASE_PATH, else none. */
  readonly path?: string;
  /** An origin other than the socket's: what browsers would see behind a TLS proxy. */
  readonly origin?: string;
  readonly settings?: Readonly<Record<string, string>>;
  readonly plugins?: readonly Plugin[];
  /** Another node on the same stores: `anotherNode(app)`. */
  readonly database?: TestDatabase;
  readonly redisUrl?: string;
  readonly clock?: Clock;
  readonly log?: Log;
  readonly eventLoop?: EventLoopDelay;
  /** Names that this server resolves, and whom it trusts, when it calls others. */
  readonly outgoing?: NonNullable<AppOptions['outgoing']>;
  /** Wraps the storage, to make it fail. */
  readonly wrapStorage?: (storage: Storage) => Storage;
}

export interface TestApp {
  /** PUBLIC_URL without a trailing slash: the issuer. */
  readonly issuer: string;
  /** Where the socket is: `http://127.0.0.1:<port>`. */
  readonly socket: string;
  readonly app: App;
  readonly database: TestDatabase;
  readonly storage: Storage;
  readonly options: TestAppOptions;
  /** A user agent with an empty cookie jar. */
  browser(): Browser;
  /** Every answer of this server, compared with its OpenAPI document; `close` fails for any that differs. */
  readonly answers: AnswerCheck;
  close(): Promise<void>;
}

/** Parallel sign-ins of a race, and all the requests of a test file, must not be refused for their number or for our own work. */
const SETTINGS = {
  HASH_QUEUE: '1000',
  HASH_PATIENCE: '300',
  RATE_LIMIT: 'off',
  OVERLOAD_DELAY: '0',
};
const SECRET = 'test-only-key-0123456789-0123456789-0123456789';

/** What has been opened is closed again when the app does not start. */
export async function startTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const opened: (() => unknown)[] = [];
  try {
    return await startOn(options, (close) => opened.unshift(close));
  } catch (error) {
    for (const close of opened) await close();
    throw error;
  }
}

async function startOn(
  options: TestAppOptions,
  onOpen: (close: () => unknown) => void,
): Promise<TestApp> {
  const database = options.database ?? (await createTestDatabase());
  if (!options.database) onOpen(() => database.drop());
  const log = options.log ?? silentLog;
  const server = createServer({
    keepAliveTimeout: TIMEOUTS.keepAliveTimeout,
    maxHeaderSize: MOST_HEADERS,
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onOpen(() => server.close());
  const socket = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const path = options.path ?? process.env['TEST_BASE_PATH'] ?? '';
  const issuer = `${options.origin ?? socket}${path}`;
  const { config, environment, plugins } = await loadSettings({
    PUBLIC_URL: issuer,
    SECRET_KEY: SECRET,
    DATABASE_URL: database.url,
    ...SETTINGS,
    ...options.settings,
  });
  const opened = await openStorage({
    databaseUrl: database.url,
    redisUrl: options.redisUrl ?? redisUrlFor(options.store),
    dataDir: '/nonexistent',
    poolSize: 10,
    role: 'server',
    log,
  });
  onOpen(() => opened.close());
  const storage = options.wrapStorage?.(opened) ?? opened;
  const app = await createApp({
    config,
    environment,
    plugins: [...plugins, ...(options.plugins ?? [])],
    storage,
    log,
    clock: options.clock ?? systemClock,
    random: systemRandom,
    ...(options.eventLoop ? { eventLoop: options.eventLoop } : {}),
    ...(options.outgoing ? { outgoing: options.outgoing } : {}),
  });
  // A node beside another is told its whole issuer as `origin`.
  const base = new URL(issuer).pathname.replace(/\/$/, '');
  const answers = checkAnswers({ listener: app.callback, socket, base });
  server.on('request', answers.listener);
  return {
    issuer,
    socket,
    app,
    database,
    storage,
    options,
    browser: () => createBrowser({ issuer, socket }),
    answers,
    async close() {
      const outcome = await Promise.allSettled([answers.verify()]);
      server.closeAllConnections();
      server.close();
      await app.close();
      await opened.close();
      if (!options.database) await database.drop();
      for (const one of outcome) if (one.status === 'rejected') throw one.reason;
    },
  };
}

/** A second node on the stores and with the settings of the first, under the same PUBLIC_URL. */
export function anotherNode(first: TestApp): Promise<TestApp> {
  return startTestApp({
    ...first.options,
    database: first.database,
    path: '',
    origin: first.issuer,
  });
}

/** Redis has one keyspace a test run; the keys of the tests are random, so they never meet. */
function redisUrlFor(store: StoreKind | undefined): string | undefined {
  if (store !== 'redis') return undefined;
  const url = process.env['TEST_REDIS_URL'];
  if (!url) throw new Error('TEST_REDIS_URL is not set: run the tests with `npm test`');
  return url;
}

/** The kinds of store that can be tested here; without Redis the runner has said so loudly. */
export const storeKinds: readonly StoreKind[] = process.env['TEST_REDIS_URL']
  ? ['postgres', 'redis']
  : ['postgres'];
