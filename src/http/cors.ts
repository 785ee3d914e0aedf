/** CORS (Fetch §3.2): which other origins' pages may read what we answer. Origins are compared as a whole. */
import type { Context, Middleware } from 'koa';

/** Headers of ours that scripts may read. */
const EXPOSED = [
  ...['X-Request-Id', 'RateLimit', 'RateLimit-Policy', 'Retry-After'],
  ...['WWW-Authenticate', 'Link'],
].join(', ');

/** Headers that scripts may send. */
const ACCEPTED = 'Authorization, Content-Type, X-Request-Id, Last-Event-ID';

/** Seconds that a browser keeps the answer to a preflight. */
const MAX_AGE = '600';

export interface CorsRules {
  /** CORS_ORIGINS. */
  readonly origins: ReadonlySet<string>;
  /** Methods of the route at a path; none where there is no route. */
  readonly methodsOf: (path: string) => readonly string[];
}

/** Lets pages of the allowed origins call the REST API with cookies. Answers their preflights. */
export function routeCors({ origins, methodsOf }: CorsRules): Middleware {
  return async (ctx, next) => {
    const methods = origins.size > 0 ? methodsOf(ctx.path) : [];
    if (methods.length === 0) return next();
    ctx.vary('Origin');
    const origin = ctx.get('Origin');
    if (!origins.has(origin)) return next();
    ctx.set('Access-Control-Allow-Origin', origin);
    ctx.set('Access-Control-Allow-Credentials', 'true');
    if (ctx.method !== 'OPTIONS' || !ctx.get('Access-Control-Request-Method')) {
      ctx.set('Access-Control-Expose-Headers', EXPOSED);
      return next();
    }
    ctx.set('Access-Control-Allow-Methods', methods.join(', '));
    ctx.set('Access-Control-Allow-Headers', ACCEPTED);
    ctx.set('Access-Control-Max-Age', MAX_AGE);
    ctx.status = 204;
  };
}

const removeCors = (ctx: Context): void => {
  for (const name of Object.keys(ctx.response.headers)) {
    if (name.toLowerCase().startsWith('access-control-')) ctx.remove(name);
  }
};

/**
 * Around oidc-provider, which allows every origin until it knows the client: only allowed ones may read its answers,
 * never with cookies. Metadata and keys are for everybody.
 */
export function oidcCors(origins: ReadonlySet<string>): Middleware {
  return async (ctx, next) => {
    try {
      await next();
    } finally {
      const isPublic = ctx.path.startsWith('/.well-known/');
      if (isPublic && ctx.response.get('Access-Control-Allow-Origin')) {
        ctx.set('Access-Control-Allow-Origin', '*');
      } else if (!origins.has(ctx.get('Origin'))) removeCors(ctx);
    }
  };
}
