/** The process: listen, build the app, stop gracefully. */

import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type App, type AppOptions, createApp } from './app.ts';
import { issuerOf } from './http/public-url.ts';
import { CommandError, type Log } from './kernel/plugin.ts';
import { type Loaded, withSecretKey } from './load-settings.ts';
import { createLogger } from './logging/logger.ts';
import { ensureMigrated } from './migrations.ts';
import { openStorage, type Storage } from './storage/open-storage.ts';
import { createStoreClock, type StoreClock } from './storage/store-clock.ts';
import { systemClock, systemRandom } from './system.ts';
import type { Peers } from './telemetry/metrics.ts';

/** Milliseconds that running requests get before their connections are cut. */
const DRAIN = 15_000;
/** Milliseconds after DRAIN_DELAY in which `stop` is done, unless the process hangs. */
export const STOP_LIMIT = DRAIN + 4000;
/** Bytes of request target and header fields together: a sign-out has an ID token, `state` and all our cookies, about 20 KB at most. */
export const MOST_HEADERS = 32 * 1024;
/** Milliseconds. */
export const TIMEOUTS = {
  /** Longer than proxies keep idle connections, so that it is never us who close one just as a request comes along it. */
  keepAliveTimeout: 75_000,
  /** For the header of a request; a connection without any is closed as well. */
  headersTimeout: 10_000,
  /** With its body. */
  requestTimeout: 30_000,
  /** Between two looks for connections that are too slow. */
  connectionsCheckingInterval: 5_000,
};
/**
 * Milliseconds that a start may take before it listens all the same. A proxy passes a request on when nobody listens;
 * our 503 it would hand to the client.
 */
const PATIENCE = 3_000;

export interface RunningServer {
  readonly loaded: Loaded;
  readonly address: AddressInfo;
  readonly app: App;
  readonly log: Log;
  /** Resolves when every line logged so far has been written. */
  flushLog(): Promise<void>;
  stop(): Promise<void>;
}

/** What answers until the app is built. */
const starting: RequestListener = (req, res) => {
  const isLive = req.url === '/health/live';
  res.writeHead(isLive ? 200 : 503, { 'content-type': 'application/json', 'retry-after': '1' });
  res.end(JSON.stringify({ status: isLive ? 'ok' : 'starting' }));
};

/**
 * Listens as soon as the app is built; while storage is waited for, it answers that it is alive and not ready.
 * `signal` ends the waiting. Throws CommandError when the address cannot be had.
 */
export async function startServer(
  loaded: Loaded,
  signal: AbortSignal,
  peers?: Peers,
): Promise<RunningServer> {
  const config = withSecretKey(loaded.config);
  const log = createLogger({
    level: config.LOG_LEVEL,
    ...(peers ? { worker: peers.number } : {}),
  });
  let handler = starting;
  let isDraining = false;
  const server = createServer({ ...TIMEOUTS, maxHeaderSize: MOST_HEADERS }, (req, res) => {
    if (isDraining) res.setHeader('Connection', 'close');
    handler(req, res);
  });
  server.maxConnections = config.MAX_CONNECTIONS;
  const failed = new AbortController();
  const opening = openApp(
    { ...loaded, config, log, peers },
    AbortSignal.any([signal, failed.signal]),
  );
  try {
    await Promise.race([opening, delay(PATIENCE, undefined, { ref: false })]);
    await listen(server, config.PORT, config.HOST);
    const { app, close } = await opening;
    handler = app.callback;
    const names = app.plugins.map(({ name }) => name);
    log.info(
      { event: 'server.started', issuer: issuerOf(config.publicUrl), plugins: names },
      'ready',
    );
    const stop = async (): Promise<void> => {
      app.drain();
      // For so long a proxy may still send requests: it learns from our answers, one by one, to open no more.
      isDraining = true;
      await delay(config.drainDelay * 1000);
      await closeServer(server);
      await close();
    };
    const flushLog = () => promisify(log.flush.bind(log))();
    return { loaded, address: server.address() as AddressInfo, app, log, flushLog, stop };
  } catch (error) {
    failed.abort(error);
    server.closeAllConnections();
    server.close();
    // What stays open would keep a process alive that serves nobody.
    await opening.then(
      ({ close }) => close(),
      () => undefined,
    );
    throw error;
  }
}

/** Storage that answers, migrated, and the app on it; `close` ends both. */
async function openApp(
  parts: Omit<AppOptions, 'storage' | 'clock' | 'random'>,
  signal: AbortSignal,
): Promise<{ app: App; close(): Promise<void> }> {
  const { config, plugins, log } = parts;
  const storage = await openStorage({
    databaseUrl: config.DATABASE_URL,
    redisUrl: config.REDIS_URL,
    dataDir: config.DATA_DIR,
    poolSize: config.DATABASE_POOL,
    role: 'server',
    log,
    signal,
  });
  try {
    await ensureMigrated({ connection: storage.connection, plugins, log }, config.mayMigrate);
    const clock = await startClock(storage.db, log);
    try {
      const app = await createApp({ ...parts, storage, clock, random: systemRandom, signal });
      const close = async (): Promise<void> => {
        clock.stop();
        await app.close();
        await storage.close();
      };
      return { app, close };
    } catch (error) {
      clock.stop();
      throw error;
    }
  } catch (error) {
    await storage.close();
    throw error;
  }
}

/** What all nodes agree on: lifetimes are those of PostgreSQL's clock, however wrong this machine's is. */
async function startClock(db: Storage['db'], log: Log): Promise<StoreClock> {
  const elapsed = () => performance.now();
  const clock = createStoreClock({ db, local: systemClock, elapsed, log });
  await clock.read();
  clock.start();
  return clock;
}

/** Throws CommandError when the address cannot be had. */
async function listen(server: Server, port: number, host: string): Promise<void> {
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'EADDRINUSE' ? 'is in use' : `cannot be listened on (${code})`;
    throw new CommandError(`${host}:${port} ${why}: set PORT or HOST.`, { cause: error });
  }
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  const cut = setTimeout(() => server.closeAllConnections(), DRAIN);
  await closed;
  clearTimeout(cut);
}
