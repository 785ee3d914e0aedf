/** oidc-provider and the Koa app around it, out of what plugins and settings say. Part of the composition root. */
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import type { Provider } from 'oidc-provider';
import type { CoreConfig } from '../config/load.ts';
import { guardLimiter, guardRequestIds } from './guard-plugins.ts';
import { createClientIp } from './http/client-ip.ts';
import { applyCookies, type CookieTable, cookieTable, roomInCookie } from './http/cookies.ts';
import { createHttpApp } from './http/create-http-app.ts';
import type { Readiness } from './http/health.ts';
import { basePath, pinPublicUrl } from './http/public-url.ts';
import type { Renderer } from './http/render.ts';
import type { Shedding } from './http/shed-load.ts';
import type { Clock, Random } from './kernel/clock.ts';
import type { Prompt } from './kernel/oidc.ts';
import type { Outgoing } from './kernel/outgoing.ts';
import type { CoreSettings, Limiter, Log } from './kernel/plugin.ts';
import type { Registry } from './kernel/registry.ts';
import { SIGN_IN_COOKIES } from './kernel/route.ts';
import type { RequestContext } from './logging/request-context.ts';
import { diagnoseMigrations } from './migrations.ts';
import { type AccessTokenVerifier, createAccessTokenVerifier } from './oidc/access-token.ts';
import { cacheMetadata } from './oidc/cache-metadata.ts';
import { limitClients } from './oidc/client-limit.ts';
import { cookieKeys, cookieSettings } from './oidc/cookie-settings.ts';
import { countGrants } from './oidc/count-grants.ts';
import { describeEndpoints } from './oidc/describe-endpoints.ts';
import type { BoundEngine } from './oidc/engine.ts';
import { createInteractionPages } from './oidc/interaction-pages.ts';
import { acceptJwtAccessTokens } from './oidc/jwt-access-token.ts';
import { createProvider, endpointPaths } from './oidc/provider.ts';
import { REST_CLIENT_ID } from './oidc/scopes.ts';
import { completeSignOut, type SignOutDependencies } from './oidc/sign-out.ts';
import { traceTokens } from './oidc/trace-tokens.ts';
import { announceRetry } from './oidc/unavailable.ts';
import { packageRoot, packageVersion, viewerFolder } from './package-root.ts';
import { Clients, isClientSecret } from './plugins/clients/contract.ts';
import { Consents } from './plugins/consent/contract.ts';
import { Grants } from './plugins/grants/contract.ts';
import { type KeyService, Keys } from './plugins/keys/contract.ts';
import { Revocations } from './plugins/revocations/contract.ts';
import { Roles } from './plugins/roles/contract.ts';
import { Sessions } from './plugins/sessions/contract.ts';
import type { createSecrets } from './secrets.ts';
import { diagnosePostgres } from './storage/diagnose-database.ts';
import { diagnoseStateStore } from './storage/diagnose-redis.ts';
import type { Storage } from './storage/open-storage.ts';
import type { Telemetry } from './telemetry/telemetry.ts';

export interface ServerParts {
  readonly config: CoreConfig;
  readonly storage: Storage;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
  readonly core: CoreSettings;
  readonly issuer: string;
  readonly secrets: ReturnType<typeof createSecrets>;
  readonly registry: Registry;
  readonly requests: RequestContext;
  readonly telemetry: Telemetry;
  readonly engine: BoundEngine;
  /** When this node was made; seconds since 1970. */
  readonly startedAt: number;
  readonly outgoing: Outgoing;
  readonly shedding: Shedding;
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
  readonly limiter: Limiter | undefined;
}

/** Makes oidc-provider and the Koa app around it, with the signing keys there are when it is called. */
export function prepareServer(
  parts: ServerParts,
  readiness: () => Readiness,
): () => Promise<RequestListener> {
  const { core, registry, render, log } = parts;
  const [limiter] = registry.all('limiter');
  const root = packageRoot();
  const base = basePath(core.publicUrl);
  const shared: Shared = {
    root,
    base,
    render,
    cookies: cookieTable(core.publicUrl),
    prompts: registry.all('prompts').flatMap(({ value }) => value),
    limiter: limiter && guardLimiter(limiter, log),
  };
  return async () => {
    const keys = await registry.use(Keys).current();
    const { provider, verifier } = assembleOidc(parts, shared, keys);
    return assembleHttp(parts, shared, provider, verifier, readiness);
  };
}

const SIGNED_OUT = SIGN_IN_COOKIES.map((name) => ({ name, value: undefined }));

function assembleOidc(
  parts: ServerParts,
  { render, cookies, prompts, limiter }: Shared,
  keys: Awaited<ReturnType<KeyService['current']>>,
) {
  const { core, issuer, secrets, registry, engine, storage, random, log, clock, outgoing } = parts;
  const revocations = registry.use(Revocations);
  const [accounts] = registry.all('accounts');
  if (!accounts) throw new Error('checked by the set-up');
  const signOut: SignOutDependencies = {
    render,
    sessions: registry.use(Sessions),
    clearCookies: (ctx) => applyCookies(ctx, cookies, SIGNED_OUT),
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
    clock,
    random,
    prompts,
    claims,
    isClientSecret,
    log,
    mostInCookie: roomInCookie(core.publicUrl, 'access'),
    fetch: outgoing.fetch,
    origins: new Set([core.publicUrl.origin, ...parts.config.CORS_ORIGINS]),
    store: storage.store,
    grants: registry.use(Grants),
    accounts: accounts.value,
    consents: registry.use(Consents),
    grantHandlers: Object.assign({}, ...registry.all('grants').map(({ value }) => value)),
    contributed: Object.assign({}, ...registry.all('oidcModels').map(({ value }) => value)),
    denyToken: (jti) => revocations.transaction(async (_transaction, deny) => deny({ jti })),
  });
  const verifier = createAccessTokenVerifier({
    issuer,
    apiAudience: core.apiAudience,
    startedAt: parts.startedAt,
    keys,
    clock,
    denylist: revocations,
  });
  pinPublicUrl(provider.request, core.publicUrl);
  provider.on('server_error', (_ctx, error) =>
    log.error({ event: 'oidc.failed', err: error }, 'an OIDC request failed'),
  );
  announceRetry(provider, log);
  countGrants(provider, parts.telemetry.metrics.granted);
  traceTokens(provider, parts.telemetry.span);
  // Ahead of what looks a client up as well, and verifies a token then.
  if (limiter) {
    const clientIp = createClientIp(parts.config.TRUST_PROXY);
    limitClients(provider, endpointPaths, { limiter, clientIp });
  }
  acceptJwtAccessTokens(provider, verifier);
  cacheMetadata(provider, core.jwksMaxAge);
  completeSignOut(provider, signOut);
  engine.bind(provider, verifier, claims);
  return { provider, verifier };
}

function assembleHttp(
  parts: ServerParts,
  { root, base, render, cookies, prompts, limiter }: Shared,
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
      ...createInteractionPages({
        provider,
        prompts,
        base,
        store: storage.store,
        cookies: cookieSettings(core, secrets),
      }),
    ],
    oidc: provider,
    checks: [
      diagnosePostgres(storage.db),
      diagnoseStateStore(storage.store),
      diagnoseMigrations({ db: storage.db, plugins: registry.plugins, log }, false),
      ...registry.all('diagnoses').flatMap(({ value }) => value),
    ].filter(({ readiness }) => readiness),
    readiness,
    render,
    cookies,
    verifyToken: verifier.principal,
    hasRole: registry.use(Roles).has,
    isRecent: registry.use(Sessions).isRecent,
    hasClient: async (id) => (await registry.use(Clients).find(id)) !== undefined,
    isOwnClient: async (id) =>
      id === REST_CLIENT_ID || (await registry.use(Clients).find(id))?.first_party === true,
    draining: parts.draining,
    assetsFolder: join(root, 'views', 'assets'),
    viewerFolder: viewerFolder(root),
    version: packageVersion(root),
    oidcPaths: describeEndpoints(endpointPaths),
    cookieKeys: cookieKeys(secrets),
    csrfKeys: secrets.keys('csrf'),
    random,
    hstsSubdomains: config.HSTS_SUBDOMAINS,
    corsOrigins: config.CORS_ORIGINS,
    trustedProxies: config.TRUST_PROXY,
    limiter,
    requestIds: guardRequestIds(registry.all('requestIds')[0], random, log),
    inRequest: requests.run,
    observer: parts.telemetry,
    shedding: parts.shedding,
    metrics: { text: parts.telemetry.metrics.text, token: config.METRICS_TOKEN },
    log,
    clock,
  });
}
