/**
 * Metadata and keys: the same for everybody, and fetched all day by clients and APIs. The app makes each once; from then
 * on it is sent as it was, ahead of the app. New keys make a new app, and so new documents.
 */
import { hash } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Context, Middleware } from 'koa';
import type { Limiter } from '../kernel/plugin.ts';
import type { ProblemError } from '../kernel/problem.ts';
import { oauthErrorOf } from './oauth-errors.ts';
import { type RequestObserver, routeOf } from './observe-requests.ts';
import { type LogRequest, type RequestLogOptions, requestLogger } from './request-log.ts';

/** All there are, as requests name them: in any other form, such as an absolute one, there would be no end of them. */
const pathsOf = (base: string): ReadonlySet<string> =>
  new Set([
    `${base}/.well-known/jwks.json`,
    `${base}/.well-known/openid-configuration`,
    `${base}/.well-known/oauth-authorization-server`,
    // RFC 8414 §3.1: above the path of the issuer.
    `/.well-known/oauth-authorization-server${base}`,
  ]);

/** What each answer has of its own, in lower case. */
const OWN = new Set(['x-request-id', 'content-length']);

interface Document {
  /** For metrics. */
  readonly route: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly etag: string;
  readonly body: Buffer;
}

export interface CachedDocuments {
  /** Keeps what the app answers, and gives it an ETag. Around everything that sets headers. */
  readonly keep: Middleware;
  /** Answers with what was kept; everything else is the app's. */
  answerAheadOf(app: RequestListener): RequestListener;
}

interface Options extends RequestLogOptions {
  /** Path of PUBLIC_URL: '' or `/sub`. */
  readonly base: string;
  readonly observer: RequestObserver;
  readonly limiter: Limiter | undefined;
}

export function cacheDocuments(options: Options): CachedDocuments {
  const { requestIds, observer, base, clientIp, limiter } = options;
  const paths = pathsOf(base);
  const documents = new Map<string, Document>();
  const log = requestLogger(options);
  return {
    async keep(ctx, next) {
      await next();
      if (paths.has(ctx.originalUrl) && mayKeep(ctx))
        documents.set(ctx.originalUrl, documentOf(ctx));
    },

    answerAheadOf: (app) => (req, res) => {
      const document = isPlainGet(req) ? documents.get(req.url ?? '') : undefined;
      if (!document) return app(req, res);
      const id = requestIds(headerOf(req, 'x-request-id'));
      if (id === undefined) return app(req, res);
      const refused = limiter?.spendHere?.(clientIp(req));
      const traceparent = headerOf(req, 'traceparent') ?? '';
      const answering = observer.observe({ method: 'GET', traceparent, id }, async (end) => {
        const exchange = { req, res, id, log };
        const status = refused ? refuse(refused, exchange) : send(document, exchange);
        end(document.route, status);
      });
      answering.catch(() => res.destroy());
    },
  };
}

const headerOf = ({ headers }: IncomingMessage, name: string): string | undefined =>
  headers[name]?.toString() || undefined;

/** What CORS allows depends on who asks; a body would have to be read. */
const isPlainGet = ({ method, headers }: IncomingMessage): boolean =>
  method === 'GET' &&
  headers.origin === undefined &&
  headers['content-length'] === undefined &&
  headers['transfer-encoding'] === undefined;

const mayKeep = (ctx: Context): boolean =>
  ctx.status === 200 && isPlainGet(ctx.req) && !ctx.response.get('Set-Cookie');

/** Turns the body of the answer into the bytes that are kept. */
function documentOf(ctx: Context): Document {
  const body = Buffer.from(JSON.stringify(ctx.body));
  const etag = `"${hash('sha256', body, 'base64url')}"`;
  ctx.body = body;
  ctx.etag = etag;
  const headers = Object.entries(ctx.response.headers).flatMap(([name, value]) =>
    value === undefined || OWN.has(name) ? [] : [[name, String(value)] as const],
  );
  return { route: routeOf(ctx), headers, etag, body };
}

/** RFC 9110 §13.1.2: weak comparison, of any in the list. */
const isKnown = (etag: string, ifNoneMatch: string | undefined): boolean =>
  ifNoneMatch?.split(',').some((one) => [etag, `W/${etag}`, '*'].includes(one.trim())) ?? false;

interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly id: string;
  readonly log: LogRequest;
}

/** Answers the status. */
function send({ headers, etag, body }: Document, { req, res, id, log }: Exchange): number {
  const isUnchanged = isKnown(etag, req.headers['if-none-match']);
  const status = isUnchanged ? 304 : 200;
  res.statusCode = status;
  for (const [name, value] of headers) res.setHeader(name, value);
  res.setHeader('X-Request-Id', id);
  if (!isUnchanged) res.setHeader('Content-Length', body.length);
  res.end(isUnchanged ? undefined : body);
  log({ req, path: req.url ?? '', id, status, ms: 0 });
  return status;
}

/** As cheap as the document: whoever asks too often must not cost more by it. Answers the status. */
function refuse(error: ProblemError, { req, res, id, log }: Exchange): number {
  const { status } = error.problem;
  const body = Buffer.from(JSON.stringify(oauthErrorOf(error)));
  res.statusCode = status;
  for (const [name, value] of Object.entries(error.details.headers ?? {})) {
    res.setHeader(name, value);
  }
  res.setHeader('Retry-After', String(error.details.retryAfter ?? 1));
  res.setHeader('Cache-Control', 'no-store');
  res.setHeader('Content-Type', 'application/json; charset=utf-8');
  res.setHeader('X-Content-Type-Options', 'nosniff');
  res.setHeader('X-Request-Id', id);
  res.setHeader('Content-Length', body.length);
  res.end(body);
  log({ req, path: req.url ?? '', id, status, ms: 0 });
  return status;
}
