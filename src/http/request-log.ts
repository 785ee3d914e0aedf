import { randomUUID } from 'node:crypto';
import type { Middleware } from 'koa';
import type { Clock } from '../kernel/clock.ts';
import type { Log } from '../kernel/plugin.ts';

/** Gives each request its id, echoes it, and logs one line when it ends: no query, no header, no body. */
export function requestLog(
  log: Log,
  clock: Clock,
  clientIp: (ctx: import('koa').Context) => string,
): Middleware {
  return async (ctx, next) => {
    const id = randomUUID();
    const started = clock.now();
    ctx.state['requestId'] = id;
    ctx.set('X-Request-Id', id);
    await next();
    const fields = {
      event: 'request.ended',
      request_id: id,
      method: ctx.method,
      path: String(ctx.path).slice(0, 200),
      status: ctx.status,
      ms: clock.now() - started,
      ip: clientIp(ctx),
    };
    log.debug(fields, 'request ended');
  };
}
