/** Claims of plugins in access tokens, asked before anything is consumed. */
import {
  type AccessToken,
  type ClientCredentials,
  errors,
  type KoaContextWithOIDC,
  type RefreshToken,
} from 'oidc-provider';
import type { SessionFence } from '../kernel/oidc.ts';
import { collectClaims, type OwnedClaims } from './claims.ts';
import { orUnavailable } from './unavailable.ts';

type Claims = Record<string, unknown>;
type Token = AccessToken | ClientCredentials;

type Sessions = Pick<SessionFence, 'isAlive'>;

export function createTokenClaims(sources: readonly OwnedClaims[], sessions: Sessions) {
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

  /** A token that outlives its session must not name it: whoever honours the end of the session would refuse it. */
  const sessionOf = async (
    sessionUid: string | undefined,
    scope: string | undefined,
  ): Promise<string | undefined> => {
    const isOffline = scope?.split(' ').includes('offline_access');
    if (!sessionUid || !isOffline) return sessionUid;
    const isAlive = await orUnavailable(() => sessions.isAlive(sessionUid));
    return isAlive ? sessionUid : undefined;
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
        const claims = await collect(token.accountId, token.clientId, token.scope);
        const sid = await sessionOf(token.sessionUid, token.scope);
        prepared.set(ctx.oidc, { ...claims, sid });
        await account?.claims('id_token', token.scope ?? '', {}, []);
      }
      return true;
    },

    /** oidc-provider's `extraTokenClaims`; `ctx` is undefined for tokens of the REST API. */
    async extraTokenClaims(ctx: KoaContextWithOIDC | undefined, token: Token): Promise<Claims> {
      if (token.kind !== 'AccessToken') return {};
      const { accountId, clientId, scope, grantId, sessionUid } = token as AccessToken;
      const ready = ctx && prepared.get(ctx.oidc);
      if (ready) return { ...ready, gid: grantId };
      const claims = await collect(accountId, clientId ?? '', scope);
      const granted = ctx?.oidc.entities.AuthorizationCode?.scope;
      return { ...claims, gid: grantId, sid: await sessionOf(sessionUid, granted) };
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
