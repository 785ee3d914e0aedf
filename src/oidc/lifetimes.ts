/** How long each thing lives, in seconds. */
import type { Configuration } from 'oidc-provider';
import type { CoreSettings } from '../kernel/plugin.ts';

export function lifetimes(core: CoreSettings): Configuration['ttl'] {
  const { accessTokenTtl, refreshTokenTtl, sessionIdleTtl, sessionTtl } = core;
  return {
    AccessToken: accessTokenTtl,
    ClientCredentials: accessTokenTtl,
    AuthorizationCode: 60,
    IdToken: accessTokenTtl,
    Interaction: 1800,
    Grant: sessionTtl,
    Session: sessionIdleTtl,
    // A family never outlives SESSION_TTL, however often it rotates.
    RefreshToken: (_ctx, token) =>
      Math.max(1, Math.min(refreshTokenTtl, sessionTtl - token.totalLifetime())),
  } as Configuration['ttl'];
}
