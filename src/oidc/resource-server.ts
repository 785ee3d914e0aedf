/** What access tokens are like for each of our resources (RFC 8707), and how they are made (RFC 9068). */
import type { AccessToken, ClientCredentials } from 'oidc-provider';
import { type Clock, epochSeconds } from '../kernel/clock.ts';
import type { CoreSettings } from '../kernel/plugin.ts';
import { ACCESS_TOKEN_ALG } from './access-token.ts';
import type { createShortenToken } from './token-size.ts';

/** oidc-provider's `getResourceServerInfo`. */
export const resourceServer = (
  { accessTokenTtl }: Pick<CoreSettings, 'accessTokenTtl'>,
  audience: string,
  scope: string,
) => ({
  scope,
  audience,
  accessTokenTTL: accessTokenTtl,
  accessTokenFormat: 'jwt' as const,
  jwt: { sign: { alg: ACCESS_TOKEN_ALG } },
});

interface JwtToken {
  readonly payload: Record<string, unknown>;
}

/** oidc-provider's customizer of JWTs: it is called for each access token, right before that is signed. */
export const completeAccessToken =
  (issuer: string, clock: Clock, shorten: ReturnType<typeof createShortenToken>) =>
  (_ctx: unknown, token: AccessToken | ClientCredentials, { payload }: JwtToken): void => {
    // Our own routes, userinfo, introspection and revocation take it, whichever API it is for.
    if (payload['aud'] !== issuer) payload['aud'] = [payload['aud'], issuer];
    // oidc-provider stamps with the clock of this machine; everybody else goes by the one that is shared.
    const late = epochSeconds(clock) - Number(payload['iat']);
    for (const claim of ['iat', 'exp']) payload[claim] = Number(payload[claim]) + late;
    shorten(token, payload);
  };
