/** Claims of plugins in access tokens, asked before anything is consumed. */
import {
  type AccessToken,
  type ClientCredentials,
  errors,
  type KoaContextWithOIDC,
} from 'oidc-provider';
import type { SessionFence } from '../kernel/oidc.ts';
import { collectClaims, type OwnedClaims } from './claims.ts';
import { checkResource, defaultResource, isForApi, type Resources } from './resources.ts';
import { orUnavailable } from './unavailable.ts';

type Claims = Record<string, unknown>;
type Token = AccessToken | ClientCredentials;

type Sessions = Pick<SessionFence, 'isAlive'>;

export function createTokenClaims(
  sources: readonly OwnedClaims[],
  sessions: Sessions,
  resources: Resources,
) {
  const prepared = new WeakMap<object, Claims>();

  const collect = (
    userId: string,
    clientId: string,
    scope: string | undefined,
    forApi: boolean,
  ): Promise<Claims> => {
    const scopes = new Set((scope ?? '').split(' ').filter(Boolean));
    return orUnavailable(() =>
      collectClaims(sources, 'access_token', { userId, clientId, scopes, forApi }),
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
      const resource = resourceOfRefresh(ctx, resources);
      if (token?.accountId && token.clientId) {
        const forApi = isForApi(ctx, resource, resources);
        const claims = await collect(token.accountId, token.clientId, token.scope, forApi);
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
      const { resourceServer: server } = token as AccessToken;
      const forApi = !ctx || isForApi(ctx, server?.audience, resources);
      const claims = await collect(accountId, clientId ?? '', scope, forApi);
      const granted = ctx?.oidc.entities.AuthorizationCode?.scope;
      return { ...claims, gid: grantId, sid: await sessionOf(sessionUid, granted) };
    },
  };
}

/** One resource at most, and one that was granted (RFC 8707 §2.2). Throws InvalidTarget. */
function resourceOfRefresh(ctx: KoaContextWithOIDC, resources: Resources): string {
  const asked = [ctx.oidc.params?.['resource']].flat().filter((one) => one !== undefined);
  if (asked.length > 1) throw new errors.InvalidTarget();
  const [resource = defaultResource(ctx, undefined, resources)] = asked as string[];
  checkResource(ctx, resource, resources);
  return resource;
}
