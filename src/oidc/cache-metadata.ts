import type { KoaContextWithOIDC, Provider } from 'oidc-provider';

/** Seconds that clients keep metadata and keys: a new key is published at least so long before its first use. */
const MAX_AGE = 300;

const ROUTES = new Set(['jwks', 'discovery']);

/** Lets everybody keep discovery and JWKS for a while: verifying a token then costs no call to us. */
export function cacheMetadata(provider: Provider): void {
  provider.use(async (ctx: KoaContextWithOIDC, next: () => Promise<void>) => {
    await next();
    if (ctx.status === 200 && ROUTES.has(ctx.oidc?.route ?? '')) {
      ctx.set('Cache-Control', `public, max-age=${MAX_AGE}`);
    }
  });
}
