/** The API that access tokens are for (RFC 8707), and how they are made (RFC 9068). */
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

/** A token that was granted `openid` is for userinfo too: its audience names the issuer as well. */
export const audienceOf =
  (issuer: string) =>
  (_ctx: unknown, token: { kind: string }, jwt: { payload: Record<string, unknown> }): void => {
    const scopes = String(jwt.payload['scope'] ?? '').split(' ');
    if (token.kind === 'AccessToken' && scopes.includes('openid')) {
      jwt.payload['aud'] = [jwt.payload['aud'], issuer];
    }
  };
