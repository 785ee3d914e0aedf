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

/** Seconds: two years. */
const HSTS = 63_072_000;

/**
 * Headers of every response (SEC-93). HSTS is for the host of PUBLIC_URL, which answers here; those below it are for their
 * owners to say, so only where the operator does (RFC 6797 §11.4). Never `preload`: browsers' lists forget slowly.
 */
export function securityHeaders(publicUrl: URL, hstsSubdomains: boolean): Middleware {
  const headers = helmet({
    contentSecurityPolicy: false,
    strictTransportSecurity:
      publicUrl.protocol === 'https:' ? { maxAge: HSTS, includeSubDomains: hstsSubdomains } : false,
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
