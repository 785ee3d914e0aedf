/** The Koa app: every route, page and mount, in one readable order. Owns nothing that a plugin could own. */
import type { IncomingMessage, RequestListener } from 'node:http';
import Router from '@koa/router';
import Koa, { type Context, type Middleware } from 'koa';
import mount from 'koa-mount';
import type { Clock, Random } from '../kernel/clock.ts';
import { compareSpecificity } from '../kernel/paths.ts';
import type { Diagnosis, Limiter, Log, RequestIds } from '../kernel/plugin.ts';
import type { Page, RequestInfo, Route } from '../kernel/route.ts';
import type { Authentication } from './authenticate.ts';
import { cacheDocuments } from './cached-documents.ts';
import { createClientIp, logUnclear } from './client-ip.ts';
import { lastingCookies, readCookie, readCookies } from './cookies.ts';
import { oidcCors, routeCors } from './cors.ts';
import { prefersPage, type Render, sendErrorPage } from './error-page.ts';
import { health, type Readiness } from './health.ts';
import { createIsLocal } from './local-request.ts';
import { type MetricsOptions, metrics } from './metrics.ts';
import { oauthErrors } from './oauth-errors.ts';
import { observeRequests, type RequestObserver } from './observe-requests.ts';
import { createOpenApiDocument, type ForeignPaths } from './openapi/document.ts';
import { serveDocuments } from './openapi/serve-documents.ts';
import { pageHandler } from './page-handler.ts';
import { logProblem, problems, sendProblem, toProblem } from './problem-response.ts';
import { basePath, issuerOf, pinPublicUrl } from './public-url.ts';
import { createLimit, type Limit, limitOidc, limitRest } from './rate-limit.ts';
import { readOn } from './read-on.ts';
import { type RequestLogOptions, requestLog, requireRequestId } from './request-log.ts';
import { routeHandler } from './route-handler.ts';
import { securityHeaders } from './security-headers.ts';
import { type Shedding, shedLoad } from './shed-load.ts';
import { staticAssets } from './static-assets.ts';
import { takeTurns } from './take-turns.ts';

export interface HttpOptions extends Authentication {
  readonly publicUrl: URL;
  readonly routes: readonly Route[];
  readonly pages: readonly Page[];
  /** oidc-provider, itself a Koa app; answers what nothing before it did. */
  readonly oidc: Koa;
  readonly checks: readonly Diagnosis[];
  readonly readiness: () => Readiness;
  readonly render: Render;
  readonly assetsFolder: string;
  /** Where Swagger UI lies; undefined when it is not installed. */
  readonly viewerFolder: string | undefined;
  readonly version: string;
  /** The endpoints of `oidc`, as the API's document shows them. */
  readonly oidcPaths: ForeignPaths;
  readonly cookieKeys: NonNullable<Koa['keys']>;
  readonly csrfKeys: readonly [Buffer, ...Buffer[]];
  readonly random: Pick<Random, 'token' | 'uuid'>;
  /** Whether HSTS says `includeSubDomains`. */
  readonly hstsSubdomains: boolean;
  /** Other origins whose pages may call the REST API. */
  readonly corsOrigins: readonly string[];
  /** Aborted when this process is about to stop. */
  readonly draining: AbortSignal;
  readonly trustedProxies: readonly string[];
  readonly limiter: Limiter | undefined;
  readonly requestIds: RequestIds;
  readonly inRequest: RequestLogOptions['inRequest'];
  readonly observer: RequestObserver;
  readonly metrics: MetricsOptions;
  readonly shedding: Shedding;
  readonly log: Log;
  readonly clock: Clock;
}

export function createHttpApp(options: HttpOptions): RequestListener {
  const { publicUrl, render, log, cookies } = options;
  const base = basePath(publicUrl);
  const clientIp = createClientIp(options.trustedProxies, logUnclear(log));
  const isLocal = createIsLocal(options.trustedProxies);
  const requestInfo = (ctx: Context): RequestInfo => ({
    id: String(ctx.state['requestId']),
    ip: clientIp(ctx.req),
    isLocal: () => isLocal(ctx),
    userAgent: ctx.get('User-Agent').slice(0, 512),
    exchange: { req: ctx.req, res: ctx.res },
    cookie: (name) => readCookie(ctx, cookies, name),
    cookieValues: (name) => readCookies(ctx, cookies, name),
  });

  const documents = cacheDocuments({ ...options, base, clientIp });
  const app = new Koa();
  app.keys = options.cookieKeys;
  pinPublicUrl(app.request, publicUrl);
  app.silent = true;
  app.on('error', (error: unknown) =>
    log.error({ event: 'http.error', err: error }, 'a response could not be completed'),
  );

  const ipOf = (ctx: Context) => clientIp(ctx.req);
  app.use(readOn);
  app.use(requestLog({ ...options, clientIp }));
  app.use(observeRequests(options.observer));
  app.use(documents.keep);
  app.use(securityHeaders(publicUrl, options.hstsSubdomains));
  app.use(lastingCookies);
  app.use(failures(options));
  const answerHealth = health(options.checks, options.readiness, options.clock);
  const answerMetrics = metrics(options.metrics, isLocal);
  const rest = limitRest(options.limiter, ipOf);
  app.use(rest).use(requirePath).use(answerHealth).use(answerMetrics);
  if (base) app.use(metadataAtRoot(base));
  const inner = new Koa();
  if (base) inner.use(answerHealth).use(answerMetrics);
  const limit = createLimit(options.limiter, ipOf);
  inner.use(oauthErrors(log)).use(rest);
  inner.use(shedLoad(options.shedding, log));
  inner.use(requireRequestId);
  inner.use(staticAssets(options.assetsFolder, '/assets'));
  if (options.viewerFolder) {
    inner.use(staticAssets(options.viewerFolder, '/assets/swagger-ui', VIEWER_FILES));
  }
  inner.use(documentsOf(options, base));
  inner.use(pagesOf(options, { requestInfo, limit }));
  inner.use(routesOf(options, { requestInfo, limit }));
  inner.use(limitOidc(limit));
  inner.use(oidcCors(new Set(options.corsOrigins)));
  inner.use(mount(options.oidc));
  app.use(base ? mount(base, inner) : mount(inner));
  return documents.answerAheadOf(takeTurns(hasLimitedRoom(options, base), app.callback()));

  function failures({ log }: HttpOptions): Middleware {
    return async (ctx, next) => {
      try {
        await next();
        if (ctx.status === 404 && !ctx.body) throw problems.notFound();
      } catch (error) {
        const problem = toProblem(error);
        logProblem(log, ctx, problem);
        if (prefersPage(ctx)) sendErrorPage(ctx, problem, render);
        else sendProblem(ctx, problem);
      }
    };
  }
}

/** `http://` alone is a request target to Node, and no path at all to Koa. */
const requirePath: Middleware = async (ctx, next) => {
  if (!ctx.path) throw problems.invalidInput({ detail: 'The request target has no path.' });
  await next();
};

/** RFC 8414 §3.1: the metadata of an issuer with a path is found at the host's root. Clients follow no redirect. */
function metadataAtRoot(base: string): Middleware {
  const document = '/.well-known/oauth-authorization-server';
  return async (ctx, next) => {
    if (ctx.path === `${document}${base}`) ctx.path = `${base}${document}`;
    await next();
  };
}

const VIEWER_FILES = ['swagger-ui-bundle.js', 'swagger-ui.css'];

/** The API's document and the pages that show it. */
function documentsOf(options: HttpOptions, base: string): Middleware {
  return serveDocuments(() => ({
    base,
    hasViewer: options.viewerFolder !== undefined,
    document: createOpenApiDocument({
      ...options,
      server: issuerOf(options.publicUrl),
      limited: options.limiter?.problems,
      foreign: options.oidcPaths,
    }),
  }));
}

/** `DELETE /auth/sessions/` is one session whose id is missing, never all of them. */
const EXACT = { strict: true, sensitive: true };

/** The router asks them in this order: `/users/search` before `/users/:id`, wherever the two are written. */
const inOrder = <Endpoint extends { readonly path: string }>(all: readonly Endpoint[]) =>
  all.toSorted((one, other) => compareSpecificity(one.path, other.path));

/** Whether a request is for one of those routes and pages that `admit` stands before. */
function hasLimitedRoom({ routes, pages }: HttpOptions, base: string) {
  const router = new Router({ ...EXACT, prefix: base });
  for (const { admit, method, path } of [...routes, ...pages]) {
    if (admit) router[method](path, () => undefined);
  }
  // Nobody with good reason sends an absolute target (RFC 9112 §3.2.2): Koa finds the path in it all the same.
  return ({ method = '', url = '' }: IncomingMessage): boolean =>
    !url.startsWith('/') || router.match(url.split(/[?#]/, 1)[0] ?? '', method).route;
}

interface OfRequest {
  readonly requestInfo: (ctx: Context) => RequestInfo;
  readonly limit: Limit;
}

function routesOf(options: HttpOptions, ofRequest: OfRequest): Middleware {
  const { publicUrl, corsOrigins } = options;
  const router = new Router(EXACT);
  const allowedOrigins = new Set([publicUrl.origin, ...corsOrigins]);
  for (const route of inOrder(options.routes)) {
    router[route.method](
      route.path,
      routeHandler(route, { ...options, ...ofRequest, allowedOrigins }),
    );
  }
  const serve = refuseOtherMethods(router);
  const cors = routeCors({
    origins: new Set(corsOrigins),
    methodsOf: (path) => methodsOf(router, path),
  });
  return (ctx, next) => cors(ctx, () => serve(ctx, next) as Promise<unknown>);
}

const methodsOf = (router: Router, path: string): string[] => [
  ...new Set(router.match(path, 'OPTIONS').path.flatMap((layer) => layer.methods)),
];

/** 405 with `Allow` for a path of ours that is called with a method it has not. */
function refuseOtherMethods(router: Router): Middleware {
  const routes = router.routes() as Middleware;
  return async (ctx, next) => {
    const { path, pathAndMethod } = router.match(ctx.path, ctx.method);
    if (path.length === 0 || pathAndMethod.length > 0) return routes(ctx, next);
    ctx.set('Allow', methodsOf(router, ctx.path).join(', '));
    throw problems.methodNotAllowed();
  };
}

function pagesOf(options: HttpOptions, ofRequest: OfRequest): Middleware {
  const router = new Router(EXACT);
  const origin = options.publicUrl.origin;
  for (const page of inOrder(options.pages)) {
    router[page.method](
      page.path,
      asPage(options),
      pageHandler(page, { ...options, ...ofRequest, origin }),
    );
  }
  return leaveJson(options.routes, router.routes() as Middleware);
}

/** Where a route answers JSON on the path of a page, only forms are for the page. */
function leaveJson(routes: readonly Route[], pages: Middleware): Middleware {
  const both = new Router(EXACT);
  for (const { method, path } of routes) if (method === 'post') both.post(path, () => undefined);
  return (ctx, next) => {
    const isForPage =
      ctx.method !== 'POST' ||
      !both.match(ctx.path, 'POST').route ||
      ctx.is('application/x-www-form-urlencoded');
    return isForPage ? pages(ctx, next) : next();
  };
}

/** A page fails as a page, whatever the browser says it accepts. */
const asPage =
  ({ log, render }: HttpOptions): Middleware =>
  async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      const problem = toProblem(error);
      logProblem(log, ctx, problem);
      sendErrorPage(ctx, problem, render);
    }
  };
