/** Claims of plugins in access tokens, asked before anything is consumed. */
import {
  type AccessToken,
  type ClientCredentials,
  errors,
  type KoaContextWithOIDC,
  type RefreshToken,
} from 'oidc-provider';
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
     * source now, so that one which throws leaves the token as it was. So does a resource it was not granted for.
     */
    async rotateRefreshToken(ctx: KoaContextWithOIDC): Promise<boolean> {
      const { RefreshToken: token, Account: account } = ctx.oidc.entities;
      if (token) checkResource(token, ctx.oidc.params?.['resource']);
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

/** One resource at most, and one that was granted (RFC 8707 §2.2). Throws InvalidTarget. */
function checkResource(token: RefreshToken, asked: unknown): void {
  const granted = [token.resource].flat();
  const resources = [asked].flat().filter((resource) => resource !== undefined);
  const isGranted = resources.every((resource) => granted.includes(resource as string));
  if (resources.length > 1 || !isGranted) throw new errors.InvalidTarget();
}
