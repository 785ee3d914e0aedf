import type { Context, Middleware } from 'koa';
import { sameText } from '../kernel/same-text.ts';

export interface MetricsOptions {
  readonly text: () => Promise<{ readonly type: string; readonly body: string }>;
  /** Bearer token of whoever may read them; without one only this machine may. */
  readonly token: string | undefined;
}

/** `GET /metrics`, for Prometheus; whoever may not read it finds nothing there. */
export function metrics(
  { text, token }: MetricsOptions,
  isLocal: (ctx: Context) => boolean,
): Middleware {
  const mayRead = (ctx: Context): boolean =>
    token === undefined ? isLocal(ctx) : sameText(ctx.get('Authorization'), `Bearer ${token}`);
  return async (ctx, next) => {
    if (ctx.path !== '/metrics' || ctx.method !== 'GET' || !mayRead(ctx)) return next();
    const { type, body } = await text();
    ctx.set('Cache-Control', 'no-store');
    ctx.type = type;
    ctx.body = body;
  };
}
