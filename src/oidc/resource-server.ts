/** The API that access tokens are for (RFC 8707), and how they are made (RFC 9068). */
import { type Clock, epochSeconds } from '../kernel/clock.ts';
import type { CoreSettings } from '../kernel/plugin.ts';
import { ACCESS_TOKEN_ALG } from './access-token.ts';

/** oidc-provider's `getResourceServerInfo` for our one audience. */
export const resourceServer = (core: CoreSettings, scope: string) => ({
  scope,
  audience: core.apiAudience,
  accessTokenTTL: core.accessTokenTtl,
  accessTokenFormat: 'jwt' as const,
  jwt: { sign: { alg: ACCESS_TOKEN_ALG } },
});

interface JwtToken {
  readonly payload: Record<string, unknown>;
}

/** oidc-provider's customizer of JWTs: it is called for each access token, right before that is signed. */
export const completeAccessToken =
  (issuer: string, clock: Clock) =>
  (_ctx: unknown, token: { kind: string }, { payload }: JwtToken): void => {
    const scopes = String(payload['scope'] ?? '').split(' ');
    // A token that was granted `openid` is for userinfo too: its audience names the issuer as well.
    if (token.kind === 'AccessToken' && scopes.includes('openid')) {
      payload['aud'] = [payload['aud'], issuer];
    }
    // oidc-provider stamps with the clock of this machine; everybody else goes by the one that is shared.
    const late = epochSeconds(clock) - Number(payload['iat']);
    for (const claim of ['iat', 'exp']) payload[claim] = Number(payload[claim]) + late;
  };
