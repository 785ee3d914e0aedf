import type { Middleware } from 'koa';
import helmet from 'koa-helmet';

/** What every page allows. It is all that a page says whose forms may lead to another site (`Page.leavesSite`). */
export const basePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "frame-ancestors 'none'",
];

const POLICY = [...basePolicy, "form-action 'self'"].join('; ');

/** Headers of every response (SEC-93). */
export function securityHeaders(publicUrl: URL): Middleware {
  const headers = helmet({
    contentSecurityPolicy: false,
    strictTransportSecurity:
      publicUrl.protocol === 'https:' ? { maxAge: 63_072_000, includeSubDomains: true } : false,
    referrerPolicy: { policy: 'no-referrer' },
    crossOriginOpenerPolicy: { policy: 'same-origin' },
    crossOriginResourcePolicy: { policy: 'same-origin' },
    frameguard: { action: 'deny' },
  }) as Middleware;
  return async (ctx, next) => {
    ctx.set('Content-Security-Policy', POLICY);
    // What may be kept says so itself.
    ctx.set('Cache-Control', 'no-store');
    await headers(ctx, next);
  };
}
