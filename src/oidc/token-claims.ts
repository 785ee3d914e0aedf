/** Claims of plugins in access tokens, asked before anything is consumed. */
import type { AccessToken, ClientCredentials, KoaContextWithOIDC } from 'oidc-provider';
import { collectClaims, type OwnedClaims } from './claims.ts';
import { orUnavailable } from './unavailable.ts';

type Claims = Record<string, unknown>;
type Token = AccessToken | ClientCredentials;

export function createTokenClaims(sources: readonly OwnedClaims[]) {
  const prepared = new WeakMap<object, Claims>();

  const collect = (
    userId: string,
    clientId: string,
    scope: string | undefined,
  ): Promise<Claims> => {
    const scopes = new Set((scope ?? '').split(' ').filter(Boolean));
    return orUnavailable(() =>
      collectClaims(sources, 'access_token', { userId, clientId, scopes }),
    );
  };

  return {
    /**
     * oidc-provider's `rotateRefreshToken`, called right before a refresh token is used up: asks every claim
     * source now, so that one which throws leaves the token as it was.
     */
    async rotateRefreshToken(ctx: KoaContextWithOIDC): Promise<boolean> {
      const { RefreshToken: token, Account: account } = ctx.oidc.entities;
      if (token?.accountId && token.clientId) {
        prepared.set(ctx.oidc, await collect(token.accountId, token.clientId, token.scope));
        await account?.claims('id_token', token.scope ?? '', {}, []);
      }
      return true;
    },

    /** oidc-provider's `extraTokenClaims`; `ctx` is undefined for tokens of the REST API. */
    async extraTokenClaims(ctx: KoaContextWithOIDC | undefined, token: Token): Promise<Claims> {
      if (token.kind !== 'AccessToken') return {};
      const { accountId, clientId, scope, grantId, sessionUid } = token as AccessToken;
      const ready = ctx && prepared.get(ctx.oidc);
      const claims = ready ?? (await collect(accountId, clientId ?? '', scope));
      return { ...claims, gid: grantId, sid: sessionUid };
    },
  };
}
