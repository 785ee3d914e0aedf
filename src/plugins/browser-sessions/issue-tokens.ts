import { type Clock, epochSeconds, type Random } from '../../kernel/clock.ts';
import type { LiveSession, OidcEngine } from '../../kernel/oidc.ts';
import type { CookieChange } from '../../kernel/route.ts';
import type { Transaction } from '../../kernel/store.ts';
import type { GrantService } from '../grants/contract.ts';
import type { TokenPair } from './contract.ts';
import type { RefreshTokens } from './refresh-token.ts';

export interface IssueDependencies {
  readonly grants: GrantService;
  readonly oidc: OidcEngine;
  readonly tokens: RefreshTokens;
  readonly clock: Clock;
  readonly random: Random;
  /** The pseudo-client of the cookie API, and what its tokens cover. */
  readonly clientId: string;
  readonly scope: string;
  readonly audience: string;
  /** Seconds. */
  readonly refreshTokenTtl: number;
  readonly sessionTtl: number;
}

/** The first tokens of a session, which count once their grant is written. */
export interface PreparedPair {
  readonly pair: TokenPair;
  /** Throws an Error when the session has ended meanwhile. */
  readonly write: (transaction: Transaction) => Promise<void>;
  /** When it is not written after all. Never throws: nobody has been given it. */
  readonly discard: () => Promise<void>;
}

/** The first tokens of a session, with a grant of their own for the cookie API: all that can fail but the writing. */
export async function prepareFirstPair(
  session: Pick<LiveSession, 'uid' | 'userId'>,
  { grants, oidc, tokens, clock, random, ...settings }: IssueDependencies,
): Promise<PreparedPair> {
  const { clientId, scope, audience } = settings;
  const { userId, uid: sessionId } = session;
  const gid = random.token();
  const access = await oidc.issueAccessToken({ userId, grantId: gid, sessionId, scope });
  const iat = epochSeconds(clock);
  const exp = iat + Math.min(settings.refreshTokenTtl, settings.sessionTtl);
  const claims = { jti: random.token(), gid, sid: sessionId, sub: userId, rot: 0, iat, exp };
  await tokens.activate(claims);
  const grant = {
    ...{ id: gid, userId, clientId, sessionId },
    openidScope: 'openid profile email',
    resources: { [audience]: scope },
    audiences: [audience, oidc.issuer],
  };
  return {
    pair: {
      userId,
      sessionId,
      accessToken: access.token,
      accessExpiresAt: access.expiresAt,
      roles: access.roles,
      refreshToken: tokens.sign(claims),
      refreshExpiresAt: exp,
    },
    async write(transaction) {
      const written = await grants.create(grant, transaction);
      if (written === undefined) throw new Error('the session ended in its own transaction');
    },
    discard: () => tokens.discard(claims.jti).catch(() => undefined),
  };
}

export const tokenCookies = (pair: TokenPair, clock: Clock): CookieChange[] => {
  const left = (expiresAt: number): number => Math.max(1, expiresAt - epochSeconds(clock));
  return [
    { name: 'access', value: pair.accessToken, maxAge: left(pair.accessExpiresAt) },
    { name: 'refresh', value: pair.refreshToken, maxAge: left(pair.refreshExpiresAt) },
  ];
};
