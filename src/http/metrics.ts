import { timingSafeEqual } from 'node:crypto';
import ipaddr from 'ipaddr.js';
import type { Context, Middleware } from 'koa';

export interface MetricsOptions {
  readonly text: () => Promise<{ readonly type: string; readonly body: string }>;
  /** Bearer token of whoever may read them; without one only this machine may. */
  readonly token: string | undefined;
}

const isLoopback = (ip: string | undefined): boolean =>
  ip !== undefined && ipaddr.isValid(ip) && ipaddr.process(ip).range() === 'loopback';

function mayRead(ctx: Context, token: string | undefined): boolean {
  // A proxy on this machine passes strangers on; it says so.
  if (token === undefined) {
    return isLoopback(ctx.req.socket.remoteAddress) && !ctx.get('X-Forwarded-For');
  }
  const given = Buffer.from(ctx.get('Authorization'));
  const wanted = Buffer.from(`Bearer ${token}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

/** `GET /metrics`, for Prometheus; whoever may not read it finds nothing there. */
export function metrics({ text, token }: MetricsOptions): Middleware {
  return async (ctx, next) => {
    if (ctx.path !== '/metrics' || ctx.method !== 'GET' || !mayRead(ctx, token)) return next();
    const { type, body } = await text();
    ctx.set('Cache-Control', 'no-store');
    ctx.type = type;
    ctx.body = body;
  };
}
