import type { IncomingMessage } from 'node:http';
import type { Middleware } from 'koa';
import type { Random } from '../kernel/clock.ts';
import type { Log, RequestIds } from '../kernel/plugin.ts';
import { problems } from './problem-response.ts';

export interface RequestLogOptions {
  readonly log: Log;
  readonly random: Pick<Random, 'uuid'>;
  readonly clientIp: (req: IncomingMessage) => string;
  readonly requestIds: RequestIds;
  /** Does the work with the id in every line it logs. */
  readonly inRequest: <Result>(id: string, work: () => Result) => Result;
}

interface EndedRequest {
  readonly req: IncomingMessage;
  readonly path: string;
  readonly id: string;
  readonly status: number;
  /** How long it took, however clocks were set meanwhile. */
  readonly ms: number;
}

/** Writes the line of one request: no query, no header, no body. */
export type LogRequest = (ended: EndedRequest) => void;

export const requestLogger =
  ({ log, clientIp }: Pick<RequestLogOptions, 'log' | 'clientIp'>): LogRequest =>
  ({ req, path, id, status, ms }) => {
    const fields = {
      event: 'request.ended',
      request_id: id,
      method: req.method,
      path: withoutCode(path).slice(0, 200),
      status,
      ms,
      ip: clientIp(req),
    };
    log.debug(fields, 'request ended');
  };

/** Gives each request its id, echoes it, and logs one line when it ends. */
export function requestLog(options: RequestLogOptions): Middleware {
  const { random, requestIds, inRequest } = options;
  const log = requestLogger(options);
  return (ctx, next) => {
    const given = requestIds(ctx.get('X-Request-Id') || undefined);
    const id = given ?? random.uuid();
    const started = performance.now();
    ctx.state['requestId'] = id;
    ctx.state['lacksRequestId'] = given === undefined;
    ctx.set('X-Request-Id', id);
    return inRequest(id, async () => {
      await next();
      const { req, status } = ctx;
      log({ req, path: String(ctx.path), id, status, ms: Math.round(performance.now() - started) });
    });
  };
}

/** The code of a mailed link, or of a question that waits for its answer, is as good as a password until it is used. */
const withoutCode = (path: string): string =>
  path.replace(/\/(l|confirm|interaction)\/[^/]+/, '/$1/…');

/** Refuses what came without the id that it needs. A step of its own: health checks answer before it. */
export const requireRequestId: Middleware = (ctx, next) => {
  if (ctx.state['lacksRequestId']) throw problems.requestIdRequired();
  return next();
};
