import type { KoaContextWithOIDC, Provider } from 'oidc-provider';

/** Tells how each request at the token endpoint ended: `issued`, or the OAuth error. */
export function countGrants(
  provider: Provider,
  granted: (grant: { grantType: string; outcome: string }) => void,
): void {
  const grantType = (ctx: KoaContextWithOIDC): string => String(ctx.oidc.params?.['grant_type']);
  provider.on('grant.success', (ctx) => granted({ grantType: grantType(ctx), outcome: 'issued' }));
  provider.on('grant.error', (ctx, error) =>
    granted({ grantType: grantType(ctx), outcome: error.error }),
  );
}
