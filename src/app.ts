/** THE composition root: joins plugins, platform and settings; `assemble-server.ts` is the HTTP side of it. */

import { setMaxListeners } from 'node:events';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CoreConfig, Environment } from '../config/load.ts';
import { prepareServer } from './assemble-server.ts';
import { roomInCookie } from './http/cookies.ts';
import { type EventLoopDelay, watchEventLoop } from './http/event-loop-delay.ts';
import type { Readiness } from './http/health.ts';
import { basePath, issuerOf } from './http/public-url.ts';
import { createRenderer } from './http/render.ts';
import type { Shedding } from './http/shed-load.ts';
import { type Clock, epochSeconds, type Random } from './kernel/clock.ts';
import { createEventBus } from './kernel/events.ts';
import type { SigningKeys } from './kernel/oidc.ts';
import { type CoreSettings, type Log, type Plugin, PluginError } from './kernel/plugin.ts';
import { ARE_ALL_ON, createRegistry, type Registry } from './kernel/registry.ts';
import type { ServiceToken } from './kernel/service.ts';
import type { Gauge } from './kernel/telemetry.ts';
import { createRequestContext } from './logging/request-context.ts';
import { scrub } from './logging/scrub.ts';
import { createEngine } from './oidc/engine.ts';
import { createOutgoing, type OutgoingOptions } from './outgoing/create-outgoing.ts';
import { packageRoot, packageVersion } from './package-root.ts';
import { Clients } from './plugins/clients/contract.ts';
import { Consents } from './plugins/consent/contract.ts';
import { Grants } from './plugins/grants/contract.ts';
import { Keys } from './plugins/keys/contract.ts';
import { Revocations } from './plugins/revocations/contract.ts';
import { Roles } from './plugins/roles/contract.ts';
import { Sessions } from './plugins/sessions/contract.ts';
import { createSecrets } from './secrets.ts';
import { startPlugins } from './start-plugins.ts';
import { stopPlugins } from './stop-plugins.ts';
import type { Storage } from './storage/open-storage.ts';
import { startTasks } from './tasks.ts';
import type { Peers } from './telemetry/metrics.ts';
import { createTelemetry, type Telemetry } from './telemetry/telemetry.ts';

export interface AppOptions {
  readonly config: CoreConfig;
  /** Raw settings, for the plugins to parse theirs from. */
  readonly environment: Environment;
  readonly plugins: readonly Plugin[];
  readonly storage: Storage;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
  /** Default: that of this process. */
  readonly eventLoop?: EventLoopDelay;
  /** Set where several processes share the port. */
  readonly peers?: Peers | undefined;
  /** Ends the waiting for plugins that start. */
  readonly signal?: AbortSignal;
  /** Default: the name servers of this machine, the authorities that Node trusts. */
  readonly outgoing?: Pick<OutgoingOptions, 'resolve' | 'ca'>;
}

export interface App {
  readonly callback: RequestListener;
  readonly plugins: readonly Plugin[];
  use<Service>(token: ServiceToken<Service>): Service;
  /** `/health/ready` answers 503 from now on, and event streams end. */
  drain(): void;
  /** Resolves when listeners and back-channel logouts that were begun have ended. */
  idle(): Promise<void>;
  /** Stops the plugins; the storage stays open. */
  close(): Promise<void>;
}

/** Milliseconds an event listener may take. */
const LISTENER_TIMEOUT = 5000;

/** Sets all plugins up and starts none: what the server and `authsrv doctor` begin with. Throws as `createRegistry`. */
export function setUpPlugins(options: AppOptions) {
  const { config, clock, random } = options;
  const telemetry = telemetryOf(options);
  const requests = createRequestContext(telemetry.listen(options.log));
  const { log } = requests;
  const { db, store } = telemetry.instrument(options.storage);
  const storage = { ...options.storage, db, store };
  const core = coreSettings(config);
  const issuer = issuerOf(core.publicUrl);
  const secrets = createSecrets(config.secretKeys);
  const mostInCookie = roomInCookie(core.publicUrl, 'access');
  const engine = createEngine({ issuer, core, store, clock, log, mostInCookie });
  const bus = createEventBus({
    timeout: LISTENER_TIMEOUT,
    onFault: ({ plugin, event, error }) =>
      log.error({ event: 'listener.failed', plugin, on: event, err: error }, 'a listener failed'),
  });
  const events = telemetry.listenToEvents(bus);
  const outgoing = createOutgoing({
    ...options.outgoing,
    publicUrl: core.publicUrl,
    named: config.OUTGOING_PRIVATE,
    log,
    count: telemetry.metrics.called,
  });
  const render = createRenderer({
    folder: join(packageRoot(), 'views'),
    assetBase: `${basePath(core.publicUrl)}/assets`,
    productName: 'Auth Service',
    plugins: options.plugins.flatMap(({ name, views }) =>
      views ? [{ name, folder: fileURLToPath(views) }] : [],
    ),
  });
  const shared = {
    core,
    secrets,
    clock,
    random,
    db,
    store,
    events,
    log,
    oidc: engine,
    outgoing,
    render,
    span: telemetry.span,
  };
  const registry = orClose(telemetry, () => {
    const made = createRegistry(options.plugins, shared, options.environment);
    for (const token of CORE_SERVICES) made.use(token);
    if (made.all('accounts').length === 0) throw new PluginError(NO_ACCOUNTS);
    return made;
  });
  return { shared, storage, telemetry, requests, issuer, registry, engine, events, log };
}

/** What the composition root asks for: who lacks them is told before anything starts. */
const CORE_SERVICES: readonly ServiceToken<unknown>[] = [
  Keys,
  Revocations,
  Grants,
  Sessions,
  Roles,
  Clients,
  Consents,
];

const NO_ACCOUNTS = `No plugin contributes "accounts", which the core needs. ${ARE_ALL_ON}`;

function orClose<Result>(telemetry: Telemetry, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    telemetry.close().catch(() => undefined);
    throw error;
  }
}

/**
 * Sets up and starts everything but the listening socket. Throws an Error that names what is wrong; what had started by then
 * has been stopped, and the storage is open as before.
 */
export async function createApp(options: AppOptions): Promise<App> {
  const wired = setUpPlugins(options);
  const { registry, events, engine, log } = wired;
  const { eventLoop = watchEventLoop() } = options;
  const begun = new Set<string>();
  let stopTasks = async (): Promise<void> => undefined;
  const idle = async (): Promise<void> => {
    await events.idle();
    await engine.idle();
  };
  const close = (): Promise<void> =>
    endAll(log, [
      () => eventLoop.close(),
      () => stopTasks(),
      idle,
      () =>
        stopPlugins(
          registry.all('stop').filter(({ plugin }) => begun.has(plugin)),
          log,
        ),
      wired.telemetry.close,
    ]);
  try {
    for (const { plugin, value } of registry.all('listeners')) {
      for (const listener of value) events.subscribe(plugin, listener);
    }
    const { shedding, gauge } = sheddingOf(options.config, eventLoop);
    wired.telemetry.gauges([gauge, ...gaugesOf(options, wired)]);
    await startPlugins(startable(registry), (plugin) => begun.add(plugin), {
      log,
      signal: options.signal,
    });
    stopTasks = startTasks(
      registry.all('tasks').flatMap(({ value }) => value),
      log,
    );
    const serving = await serve(options, wired, shedding);
    return { ...serving, plugins: registry.plugins, use: registry.use, idle, close };
  } catch (error) {
    await close();
    throw error;
  }
}

type Wired = ReturnType<typeof setUpPlugins>;

/** Every step, whatever becomes of those before it. */
async function endAll(log: Log, steps: readonly (() => unknown)[]): Promise<void> {
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      log.error({ event: 'server.close_failed', err: error }, 'something did not end');
    }
  }
}

function startable(registry: Registry) {
  const [starts, stops] = (['start', 'stop'] as const).map(
    (kind) => new Map(registry.all(kind).map(({ plugin, value }) => [plugin, value])),
  );
  return registry.plugins.map(({ name: plugin }) => ({
    plugin,
    start: starts?.get(plugin),
    stop: stops?.get(plugin),
  }));
}

const gaugesOf = ({ config }: AppOptions, { storage, registry }: Wired): Gauge[] => [
  ...gaugesOfPool(storage.db, config.DATABASE_POOL),
  {
    name: 'state_store_given_up',
    summary: '1 while calls of the state store fail at once because it did not answer',
    read: () => Number(storage.isStoreGivenUp()),
  },
  ...registry.all('gauges').flatMap(({ value }) => value),
];

async function serve(
  options: AppOptions,
  { shared, ...wired }: Wired,
  shedding: Shedding,
): Promise<Pick<App, 'callback' | 'drain'>> {
  let readiness: Readiness = 'ready';
  const draining = new AbortController();
  // Each open stream listens.
  setMaxListeners(0, draining.signal);
  const parts = {
    ...options,
    ...shared,
    ...wired,
    startedAt: epochSeconds(options.clock),
    shedding,
    draining: draining.signal,
  };
  const build = prepareServer(parts, () => readiness);
  return {
    callback: await servingWithKeys(build, wired.registry.use(Keys), wired.log),
    drain: () => {
      readiness = 'draining';
      draining.abort();
    },
  };
}

/** New keys make a new provider; requests under way end on the one they began with. */
async function servingWithKeys(
  build: () => Promise<RequestListener>,
  keys: SigningKeys,
  log: Log,
): Promise<RequestListener> {
  let serve = await build();
  keys.subscribe(() => {
    build().then(
      (next) => {
        serve = next;
      },
      (error: unknown) =>
        log.error({ event: 'signing_key.swap_failed', err: error }, 'still on the former keys'),
    );
  });
  return (req, res) => serve(req, res);
}

const gaugesOfPool = ({ poolUse }: Storage['db'], size: number): Gauge[] => [
  {
    name: 'database_connections_max',
    summary: 'Connections to PostgreSQL that this process may open',
    read: () => size,
  },
  {
    name: 'database_connections_open',
    summary: 'Connections to PostgreSQL that this process has open',
    read: poolUse.open,
  },
  {
    name: 'database_connections_busy',
    summary: 'Connections to PostgreSQL that run a statement or a transaction',
    read: poolUse.busy,
  },
  {
    name: 'database_waiting',
    summary: 'Callers that wait for a connection to PostgreSQL',
    read: poolUse.waiting,
  },
];

const telemetryOf = ({
  config,
  plugins,
  storage,
  clock,
  random,
  log,
  peers,
}: AppOptions): Telemetry =>
  createTelemetry({
    otlpEndpoint: config.OTEL_EXPORTER_OTLP_ENDPOINT,
    serviceName: config.OTEL_SERVICE_NAME,
    tracesRatio: config.OTEL_TRACES_SAMPLER_ARG,
    sentryDsn: config.SENTRY_DSN,
    environment: config.SENTRY_ENVIRONMENT,
    release: packageVersion(packageRoot()),
    storeSystem: storage.storeSystem,
    domainEvents: new Set(plugins.flatMap(({ events = [] }) => events.map(({ name }) => name))),
    clock,
    random,
    log,
    scrub,
    peers,
  });

function sheddingOf({ OVERLOAD_DELAY }: CoreConfig, eventLoop: EventLoopDelay) {
  let shed = 0;
  const shedding: Shedding = {
    delay: eventLoop.milliseconds,
    limit: OVERLOAD_DELAY,
    onShed: () => {
      shed += 1;
    },
  };
  const gauge: Gauge = {
    name: 'requests_shed_total',
    summary: 'Requests refused since the event loop was late',
    grows: true,
    read: () => shed,
  };
  return { shedding, gauge };
}

const coreSettings = (config: CoreConfig): CoreSettings => ({
  publicUrl: config.publicUrl,
  apiAudience: config.apiAudience,
  apiTitle: config.apiTitle,
  apiScopes: config.API_SCOPES,
  accessTokenTtl: config.ACCESS_TOKEN_TTL,
  refreshTokenTtl: config.REFRESH_TOKEN_TTL,
  sessionIdleTtl: config.SESSION_IDLE_TTL,
  sessionTtl: config.SESSION_TTL,
  jwksMaxAge: config.JWKS_MAX_AGE,
  registration: config.REGISTRATION,
  corsOrigins: config.CORS_ORIGINS,
});
