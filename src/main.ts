/** The process: load settings, listen, build the app, stop gracefully. */

import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type App, createApp } from './app.ts';
import type { Log } from './kernel/plugin.ts';
import { type Loaded, loadSettings } from './load-settings.ts';
import { createLogger } from './logging/logger.ts';
import { ensureMigrated } from './migrations.ts';
import { openStorage } from './storage/open-storage.ts';
import { systemClock, systemRandom } from './system.ts';

/** Milliseconds that running requests get before their connections are cut. */
const DRAIN = 20_000;

export interface RunningServer {
  readonly loaded: Loaded;
  readonly address: AddressInfo;
  readonly app: App;
  stop(): Promise<void>;
}

/** What answers until the app is built, and nothing but health after it began to stop. */
const starting: RequestListener = (req, res) => {
  const isLive = req.url === '/health/live';
  res.writeHead(isLive ? 200 : 503, { 'content-type': 'application/json', 'retry-after': '1' });
  res.end(JSON.stringify({ status: isLive ? 'ok' : 'starting' }));
};

/** Listens at once, is ready when storage answers and migrations are done. Throws ConfigError before it listens. */
export async function startServer(signal: AbortSignal): Promise<RunningServer> {
  const loaded = await loadSettings();
  const { config, environment, plugins } = loaded;
  const log: Log = createLogger({ level: config.LOG_LEVEL });
  let handler = starting;
  const server = createServer((req, res) => handler(req, res));
  server.requestTimeout = 30_000;
  server.headersTimeout = 10_000;
  server.listen(config.PORT, config.HOST);
  await once(server, 'listening');
  try {
    const storage = await openStorage({
      databaseUrl: config.DATABASE_URL,
      redisUrl: config.REDIS_URL,
      dataDir: config.DATA_DIR,
      poolSize: config.DATABASE_POOL,
      role: 'server',
      log,
      signal,
    });
    const mayApply = config.MIGRATE_ON_START ?? config.embedded;
    await ensureMigrated({ connection: storage.connection, plugins, log }, mayApply);
    const parts = { config, environment, plugins, storage, log };
    const app = await createApp({ ...parts, clock: systemClock, random: systemRandom });
    handler = app.callback;
    const names = app.plugins.map(({ name }) => name);
    log.info({ event: 'server.started', issuer: config.publicUrl.href, plugins: names }, 'ready');
    const stop = async (): Promise<void> => {
      app.drain();
      await closeServer(server);
      await app.close();
      await storage.close();
    };
    return { loaded, address: server.address() as AddressInfo, app, stop };
  } catch (error) {
    server.closeAllConnections();
    server.close();
    throw error;
  }
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  const cut = setTimeout(() => server.closeAllConnections(), DRAIN);
  await closed;
  clearTimeout(cut);
}
