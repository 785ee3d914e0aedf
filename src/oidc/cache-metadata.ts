import type { KoaContextWithOIDC, Provider } from 'oidc-provider';

const ROUTES = new Set(['jwks', 'discovery']);

/** Lets everybody keep discovery and JWKS for so many seconds: verifying a token then costs no call to us. */
export function cacheMetadata(provider: Provider, maxAge: number): void {
  provider.use(async (ctx: KoaContextWithOIDC, next: () => Promise<void>) => {
    await next();
    if (ctx.status === 200 && ROUTES.has(ctx.oidc?.route ?? '')) {
      ctx.set('Cache-Control', `public, max-age=${maxAge}`);
    }
  });
}
