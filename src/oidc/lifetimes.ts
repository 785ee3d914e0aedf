/** How long each thing lives, in seconds. */
import type { Configuration } from 'oidc-provider';
import type { CoreSettings } from '../kernel/plugin.ts';

/** What no person has acted on: a request that anybody may send, as often as a bucket lets them. */
export const UNTOUCHED = 600;
/** An authorization request, from each form that its person posts. */
export const ACTED_ON = 1800;

export function lifetimes(core: CoreSettings): Configuration['ttl'] {
  const { accessTokenTtl, refreshTokenTtl, sessionIdleTtl, sessionTtl } = core;
  return {
    AccessToken: accessTokenTtl,
    ClientCredentials: accessTokenTtl,
    AuthorizationCode: 60,
    IdToken: accessTokenTtl,
    // The step after the first one follows a post.
    Interaction: (_ctx, { lastSubmission }) => (lastSubmission ? ACTED_ON : UNTOUCHED),
    Grant: sessionTtl,
    Session: (_ctx, { accountId }) =>
      accountId ? sessionIdleTtl : Math.min(UNTOUCHED, sessionIdleTtl),
    // A family never outlives SESSION_TTL, however often it rotates.
    RefreshToken: (_ctx, token) =>
      Math.max(1, Math.min(refreshTokenTtl, sessionTtl - token.totalLifetime())),
  } as Configuration['ttl'];
}
