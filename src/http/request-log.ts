import { randomUUID } from 'node:crypto';
import type { Context, Middleware } from 'koa';
import type { Clock } from '../kernel/clock.ts';
import type { Log, RequestIds } from '../kernel/plugin.ts';
import { problems } from './problem-response.ts';

export interface RequestLogOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly clientIp: (ctx: Context) => string;
  readonly requestIds: RequestIds;
  /** Does the work with the id in every line it logs. */
  readonly inRequest: <Result>(id: string, work: () => Result) => Result;
}

/** Gives each request its id, echoes it, and logs one line when it ends: no query, no header, no body. */
export function requestLog(options: RequestLogOptions): Middleware {
  const { log, clock, clientIp, requestIds, inRequest } = options;
  return (ctx, next) => {
    const given = requestIds(ctx.get('X-Request-Id') || undefined);
    const id = given ?? randomUUID();
    const started = clock.now();
    ctx.state['requestId'] = id;
    ctx.state['lacksRequestId'] = given === undefined;
    ctx.set('X-Request-Id', id);
    return inRequest(id, async () => {
      await next();
      const fields = {
        event: 'request.ended',
        request_id: id,
        method: ctx.method,
        path: withoutCode(String(ctx.path)).slice(0, 200),
        status: ctx.status,
        ms: clock.now() - started,
        ip: clientIp(ctx),
      };
      log.debug(fields, 'request ended');
    });
  };
}

/** The code of a mailed link is as good as a password until it is used. */
const withoutCode = (path: string): string => path.replace(/\/l\/[^/]+/, '/l/…');

/** Refuses what came without the id that it needs. A step of its own: health checks answer before it. */
export const requireRequestId: Middleware = (ctx, next) => {
  if (ctx.state['lacksRequestId']) throw problems.requestIdRequired();
  return next();
};
