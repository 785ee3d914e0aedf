import type { Middleware } from 'koa';
import helmet from 'koa-helmet';

/** What every page allows; `form-action` comes on top. */
export const basePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "frame-ancestors 'none'",
];

/**
 * The policy of our pages. Chromium applies `form-action` to the redirect that follows a form as well, so a
 * page inside an authorization request also names the client's redirect origin.
 */
export function pagePolicy(formAction: readonly string[] = []): string {
  return [...basePolicy, ["form-action 'self'", ...formAction].join(' ')].join('; ');
}

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
    ctx.set('Content-Security-Policy', pagePolicy());
    // What may be kept says so itself.
    ctx.set('Cache-Control', 'no-store');
    await headers(ctx, next);
  };
}
