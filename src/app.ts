/** THE composition root: the only file that joins plugins, platform and settings. */
import { setMaxListeners } from 'node:events';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import type { Provider } from 'oidc-provider';
import type { CoreConfig, Environment } from '../config/load.ts';
import { createClientIp } from './http/client-ip.ts';
import { applyCookies, type CookieTable, cookieTable } from './http/cookies.ts';
import { createHttpApp } from './http/create-http-app.ts';
import type { Readiness } from './http/health.ts';
import { basePath, issuerOf, pinPublicUrl } from './http/public-url.ts';
import { createRenderer, type Renderer } from './http/render.ts';
import type { Clock, Random } from './kernel/clock.ts';
import { createEventBus } from './kernel/events.ts';
import type { Prompt, SessionFence } from './kernel/oidc.ts';
import type { CoreSettings, Log, Plugin } from './kernel/plugin.ts';
import { createRegistry, type Registry } from './kernel/registry.ts';
import type { ServiceToken } from './kernel/service.ts';
import { createRequestContext, type RequestContext } from './logging/request-context.ts';
import { scrub } from './logging/scrub.ts';
import { type AccessTokenVerifier, createAccessTokenVerifier } from './oidc/access-token.ts';
import { cacheMetadata } from './oidc/cache-metadata.ts';
import { limitClients } from './oidc/client-limit.ts';
import { cookieKeys } from './oidc/cookie-settings.ts';
import { countGrants } from './oidc/count-grants.ts';
import { describeEndpoints } from './oidc/describe-endpoints.ts';
import { createEngine } from './oidc/engine.ts';
import { createInteractionPages } from './oidc/interaction-pages.ts';
import { acceptJwtAccessTokens } from './oidc/jwt-access-token.ts';
import { createProvider, endpointPaths } from './oidc/provider.ts';
import { completeSignOut, type SignOutDependencies } from './oidc/sign-out.ts';
import { announceRetry } from './oidc/unavailable.ts';
import { packageRoot, packageVersion, viewerFolder } from './package-root.ts';
import { Clients, isClientSecret } from './plugins/clients/contract.ts';
import { Consents } from './plugins/consent/contract.ts';
import { Grants } from './plugins/grants/contract.ts';
import { type KeyService, Keys } from './plugins/keys/contract.ts';
import { Revocations } from './plugins/revocations/contract.ts';
import { Roles } from './plugins/roles/contract.ts';
import { Sessions } from './plugins/sessions/contract.ts';
import { createSecrets } from './secrets.ts';
import type { Storage } from './storage/open-storage.ts';
import { startTasks } from './tasks.ts';
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

/** Sets up and starts everything but the listening socket. Throws an Error that names what is wrong. */
export async function createApp(options: AppOptions): Promise<App> {
  const { config, clock, random } = options;
  const telemetry = createTelemetry({
    otlpEndpoint: config.OTEL_EXPORTER_OTLP_ENDPOINT,
    serviceName: config.OTEL_SERVICE_NAME,
    tracesRatio: config.OTEL_TRACES_SAMPLER_ARG,
    sentryDsn: config.SENTRY_DSN,
    environment: config.SENTRY_ENVIRONMENT,
    release: packageVersion(packageRoot()),
    storeSystem: options.storage.storeSystem,
    random,
    log: options.log,
    scrub,
  });
  const requests = createRequestContext(telemetry.listen(options.log));
  const { log } = requests;
  const { db, store } = telemetry.instrument(options.storage);
  const storage = { ...options.storage, db, store };
  const core = coreSettings(config);
  const issuer = issuerOf(core.publicUrl);
  const secrets = createSecrets(config.secretKeys);
  const engine = createEngine({ issuer, core, store, clock, log, span: telemetry.span });
  const bus = createEventBus({
    timeout: LISTENER_TIMEOUT,
    onFault: ({ plugin, event, error }) =>
      log.error({ event: 'listener.failed', plugin, on: event, err: error }, 'a listener failed'),
  });
  const events = telemetry.listenToEvents(bus);
  const render = createRenderer({
    folder: join(packageRoot(), 'views'),
    assetBase: `${basePath(core.publicUrl)}/assets`,
    productName: 'Auth Service',
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
    render,
    span: telemetry.span,
  };
  const registry = createRegistry(options.plugins, shared, options.environment);
  for (const { plugin, value } of registry.all('listeners')) {
    for (const listener of value) events.subscribe(plugin, listener);
  }
  telemetry.gauges(registry.all('gauges').flatMap(({ value }) => value));
  for (const { value: start } of registry.all('start')) await start();
  const stopTasks = startTasks(
    registry.all('tasks').flatMap(({ value }) => value),
    log,
  );

  let readiness: Readiness = 'ready';
  const draining = new AbortController();
  // Each open stream listens.
  setMaxListeners(0, draining.signal);
  const parts = {
    ...{
      ...options,
      storage,
      log,
      telemetry,
      requests,
      core,
      issuer,
      secrets,
      registry,
      engine,
      render,
    },
    draining: draining.signal,
  };
  const build = prepareServer(parts, () => readiness);
  let serve = await build();
  // New keys make a new provider; requests under way end on the one they began with.
  registry.use(Keys).subscribe(() => {
    build().then(
      (next) => {
        serve = next;
      },
      (error: unknown) =>
        log.error({ event: 'signing_key.swap_failed', err: error }, 'still on the former keys'),
    );
  });
  const idle = async (): Promise<void> => {
    await events.idle();
    await engine.idle();
  };
  return {
    callback: (req, res) => serve(req, res),
    plugins: registry.plugins,
    use: registry.use,
    drain: () => {
      readiness = 'draining';
      draining.abort();
    },
    idle,
    async close() {
      await stopTasks();
      await idle();
      for (const { value: stop } of [...registry.all('stop')].reverse()) await stop();
      await telemetry.close();
    },
  };
}

const coreSettings = (config: CoreConfig): CoreSettings => ({
  publicUrl: config.publicUrl,
  apiAudience: config.apiAudience,
  accessTokenTtl: config.ACCESS_TOKEN_TTL,
  refreshTokenTtl: config.REFRESH_TOKEN_TTL,
  sessionIdleTtl: config.SESSION_IDLE_TTL,
  sessionTtl: config.SESSION_TTL,
  jwksMaxAge: config.JWKS_MAX_AGE,
  registration: config.REGISTRATION,
  corsOrigins: config.CORS_ORIGINS,
});

interface ServerParts extends AppOptions {
  readonly core: CoreSettings;
  readonly issuer: string;
  readonly secrets: ReturnType<typeof createSecrets>;
  readonly registry: Registry;
  readonly requests: RequestContext;
  readonly telemetry: Telemetry;
  readonly engine: ReturnType<typeof createEngine>;
  readonly render: Renderer;
  /** Aborted by `drain`. */
  readonly draining: AbortSignal;
}

/** What the OIDC side and the HTTP side both need. */
interface Shared {
  readonly root: string;
  readonly base: string;
  readonly render: Renderer;
  readonly cookies: CookieTable;
  readonly prompts: readonly Prompt[];
}

/** Makes oidc-provider and the Koa app around it, with the signing keys there are when it is called. */
function prepareServer(
  parts: ServerParts,
  readiness: () => Readiness,
): () => Promise<RequestListener> {
  const { core, registry, render } = parts;
  const root = packageRoot();
  const base = basePath(core.publicUrl);
  const shared: Shared = {
    root,
    base,
    render,
    cookies: cookieTable(core.publicUrl),
    prompts: registry.all('prompts').flatMap(({ value }) => value),
  };
  return async () => {
    const keys = await registry.use(Keys).current();
    const { provider, verifier } = assembleOidc(parts, shared, keys);
    const callback = assembleHttp(parts, shared, provider, verifier, readiness).callback();
    return (req, res) => void callback(req, res);
  };
}

/** Seconds after which a person must prove again who they are before a sensitive step. */
const RECENT = 300;

const recencyOf = (sessions: SessionFence, clock: Clock) => async (sid: string) => {
  const authTime = await sessions.authTime(sid);
  return authTime !== undefined && clock.now() / 1000 - authTime <= RECENT;
};

const OUR_COOKIES = (['session', 'access', 'refresh'] as const).map((name) => ({
  name,
  value: undefined,
}));

function assembleOidc(
  parts: ServerParts,
  { render, cookies, prompts }: Shared,
  keys: Awaited<ReturnType<KeyService['current']>>,
) {
  const { core, issuer, secrets, registry, engine, storage, random, log, clock } = parts;
  const revocations = registry.use(Revocations);
  const [accounts] = registry.all('accounts');
  if (!accounts) throw new Error('no plugin contributes "accounts"');
  const signOut: SignOutDependencies = {
    render,
    sessions: registry.use(Sessions),
    clearCookies: (ctx) => applyCookies(ctx, cookies, OUR_COOKIES),
  };
  const claims = registry
    .all('claims')
    .flatMap(({ plugin, value }) => value.map((source) => ({ plugin, source })));
  const provider = createProvider({
    ...signOut,
    issuer,
    core,
    secrets,
    keys,
    random,
    prompts,
    claims,
    isClientSecret,
    origins: new Set([core.publicUrl.origin, ...parts.config.CORS_ORIGINS]),
    store: storage.store,
    grants: registry.use(Grants),
    accounts: accounts.value,
    consents: registry.use(Consents),
    grantHandlers: Object.assign({}, ...registry.all('grants').map(({ value }) => value)),
    contributed: Object.assign({}, ...registry.all('oidcModels').map(({ value }) => value)),
    denyToken: (jti) => revocations.transaction(async (_transaction, deny) => deny({ jti })),
  });
  const audience = core.apiAudience;
  const verifier = createAccessTokenVerifier({
    issuer,
    audience,
    keys,
    clock,
    denylist: revocations,
  });
  pinPublicUrl(provider.request, core.publicUrl);
  provider.on('server_error', (_ctx, error) =>
    log.error({ event: 'oidc.failed', err: error }, 'an OIDC request failed'),
  );
  announceRetry(provider);
  countGrants(provider, parts.telemetry.metrics.granted);
  acceptJwtAccessTokens(provider, verifier);
  cacheMetadata(provider, core.jwksMaxAge);
  completeSignOut(provider, signOut);
  const [limiter] = registry.all('limiter');
  if (limiter) {
    const clientIp = createClientIp(parts.config.TRUST_PROXY);
    limitClients(provider, { limiter: limiter.value, clientIp });
  }
  engine.bind(provider, verifier);
  return { provider, verifier };
}

function assembleHttp(
  parts: ServerParts,
  { root, base, render, cookies, prompts }: Shared,
  provider: Provider,
  verifier: AccessTokenVerifier,
  readiness: () => Readiness,
) {
  const { config, core, secrets, registry, storage, log, requests, clock, random } = parts;
  return createHttpApp({
    publicUrl: core.publicUrl,
    routes: registry.all('routes').flatMap(({ value }) => value),
    pages: [
      ...registry.all('pages').flatMap(({ value }) => value),
      ...createInteractionPages({ provider, prompts, base }),
    ],
    oidc: provider,
    checks: [
      { name: 'postgresql', check: () => storage.db.ping() },
      { name: 'state_store', check: () => storage.store.ping() },
      ...registry.all('health').flatMap(({ value }) => value),
    ],
    readiness,
    render,
    cookies,
    verifyToken: verifier.principal,
    hasRole: registry.use(Roles).has,
    isRecent: recencyOf(registry.use(Sessions), clock),
    hasClient: async (id) => (await registry.use(Clients).find(id)) !== undefined,
    draining: parts.draining,
    assetsFolder: join(root, 'views', 'assets'),
    viewerFolder: viewerFolder(root),
    version: packageVersion(root),
    oidcPaths: describeEndpoints(endpointPaths),
    cookieKeys: cookieKeys(secrets),
    csrfKey: secrets.keys('csrf')[0],
    corsOrigins: config.CORS_ORIGINS,
    trustedProxies: config.TRUST_PROXY,
    limiter: registry.all('limiter')[0]?.value,
    requestIds: registry.all('requestIds')[0]?.value ?? (() => random.uuid()),
    inRequest: requests.run,
    observer: parts.telemetry,
    metrics: { text: parts.telemetry.metrics.text, token: config.METRICS_TOKEN },
    log,
    clock,
  });
}
