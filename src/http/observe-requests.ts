import type { Context, Middleware } from 'koa';

export interface RequestObserver {
  /** Runs the work of one request; `end` is to be told which route answered and how. */
  observe(
    request: { readonly method: string; readonly traceparent: string; readonly id: string },
    work: (
      end: (route: string, status: number) => void,
      traceId: string | undefined,
    ) => Promise<void>,
  ): Promise<void>;
}

/** The pattern of the route that answered, of which there are few: never the path. */
export function routeOf(ctx: Context): string {
  const {
    _matchedRoute: matched,
    oidc,
    path,
  } = ctx as Context & {
    readonly _matchedRoute?: unknown;
    readonly oidc?: { readonly route?: string };
  };
  if (typeof matched === 'string') return matched;
  if (oidc?.route) return `oidc/${oidc.route}`;
  if (/\/assets\//.test(path)) return 'assets';
  if (/\/health\/|\/metrics$/.test(path)) return 'health';
  return 'other';
}

/** Measures and traces every request, health checks too. */
export function observeRequests(observer: RequestObserver): Middleware {
  return (ctx, next) =>
    observer.observe(
      {
        method: ctx.method,
        traceparent: ctx.get('traceparent'),
        id: String(ctx.state['requestId']),
      },
      async (end, traceId) => {
        ctx.state['traceId'] = traceId;
        await next();
        end(routeOf(ctx), ctx.status);
      },
    );
}
