/** Access tokens are RFC 9068 JWTs: verified here, for our own routes and for oidc-provider's endpoints. */
import { createLocalJWKSet, decodeJwt, type JWTPayload, jwtVerify } from 'jose';
import type { JWK } from 'oidc-provider';
import type { Clock } from '../kernel/clock.ts';
import type { Denylist } from '../kernel/oidc.ts';
import type { Principal } from '../kernel/route.ts';
import { MOST_BEARER } from './token-size.ts';

/** Access tokens are signed with this and nothing else. */
export const ACCESS_TOKEN_ALG = 'ES256';

/** Seconds that clocks may differ. */
const SKEW = 30;

export interface AccessTokenClaims extends JWTPayload {
  readonly sub: string;
  readonly client_id: string;
  readonly iat: number;
  readonly exp: number;
  readonly jti: string;
  readonly scope?: string;
  readonly sid?: string;
  readonly gid?: string;
  readonly roles?: readonly string[];
  readonly roles_ver?: number;
  readonly cnf?: { readonly jkt?: string; readonly 'x5t#S256'?: string };
}

interface Dependencies {
  readonly issuer: string;
  /** API_AUDIENCE: all that tokens without `openid` named before every token named the issuer. */
  readonly apiAudience: string;
  /** Seconds since 1970. A version that made such tokens may have run until then. */
  readonly startedAt: number;
  readonly keys: readonly JWK[];
  readonly denylist: Denylist;
  readonly clock: Clock;
}

const PUBLIC_MEMBERS = ['kty', 'crv', 'x', 'y', 'kid', 'alg', 'use'] as const;

const publicKey = (key: JWK): PublicJwk =>
  Object.fromEntries(PUBLIC_MEMBERS.map((member) => [member, key[member]])) as PublicJwk;

type PublicJwk = Parameters<typeof createLocalJWKSet>[0]['keys'][number];

/** The unproven `exp` of a token, in seconds; 0 when there is none. */
function peekExpiry(token: string): number {
  try {
    return decodeJwt(token).exp ?? 0;
  } catch {
    return 0;
  }
}

export interface AccessTokenVerifier {
  /**
   * The claims of a token of ours that holds now; undefined for anything else. A token with roles of the past
   * does not hold, unless `staleRoles` says otherwise.
   */
  verify(token: string, options?: { staleRoles?: boolean }): Promise<AccessTokenClaims | undefined>;
  /** Who calls our own API: no sender-constrained token as Bearer (RFC 9449 §7.1). */
  principal(token: string): Promise<Principal | undefined>;
  /**
   * What a token of ours says that may sign out, expired and denied ones too: one with the scope `account` that is bound to
   * no key (RFC 9449 §7.1).
   */
  forSignOut(token: string): Promise<AccessTokenClaims | undefined>;
}

export function createAccessTokenVerifier(dependencies: Dependencies): AccessTokenVerifier {
  const { issuer, apiAudience, startedAt, denylist, clock } = dependencies;
  const signing = dependencies.keys.filter(({ alg }) => alg === ACCESS_TOKEN_ALG);
  const keySet = createLocalJWKSet({ keys: signing.map(publicKey) });

  const decode = async (token: string, now: Date): Promise<AccessTokenClaims | undefined> => {
    if (token.length > MOST_BEARER) return undefined;
    try {
      const { payload } = await jwtVerify(token, keySet, {
        issuer,
        audience: [issuer, apiAudience],
        typ: 'at+jwt',
        algorithms: [ACCESS_TOKEN_ALG],
        requiredClaims: ['sub', 'client_id', 'exp', 'iat', 'jti'],
        clockTolerance: SKEW,
        currentDate: now,
      });
      const claims = payload as AccessTokenClaims;
      const isOurs = [claims.aud].flat().includes(issuer) || claims.iat < startedAt;
      return isOurs && claims.iat <= now.getTime() / 1000 + SKEW ? claims : undefined;
    } catch {
      return undefined; // Every way a token can be wrong has one answer.
    }
  };

  /** Roles or status changed after this token of a user was issued. */
  const hasStaleRoles = ({ gid, sub, roles_ver: rolesVersion = 0 }: AccessTokenClaims): boolean =>
    gid !== undefined && denylist.denies({ sub, rolesVersion });

  const verify: AccessTokenVerifier['verify'] = async (token, { staleRoles = false } = {}) => {
    const claims = await decode(token, new Date(clock.now()));
    if (!claims) return undefined;
    const { sid, gid, jti } = claims;
    if (denylist.denies({ sid, gid, jti })) return undefined;
    return staleRoles || !hasStaleRoles(claims) ? claims : undefined;
  };

  return {
    verify,

    async forSignOut(token) {
      const expired = peekExpiry(token);
      const at = Math.min(clock.now(), expired * 1000);
      const claims = await decode(token, new Date(at));
      return claims && !claims.cnf && scopesOf(claims).has('account') ? claims : undefined;
    },

    async principal(token) {
      const claims = await verify(token);
      if (!claims || claims.cnf) return undefined;
      return toPrincipal(claims);
    },
  };
}

const scopesOf = ({ scope = '' }: AccessTokenClaims): ReadonlySet<string> =>
  new Set(scope.split(' ').filter(Boolean));

const toPrincipal = (claims: AccessTokenClaims): Principal => ({
  sub: claims.sub,
  clientId: claims.client_id,
  scopes: scopesOf(claims),
  roles: claims.roles ?? [],
  expiresAt: claims.exp,
  ...(claims.sid === undefined ? {} : { sid: claims.sid }),
  ...(claims.gid === undefined ? {} : { gid: claims.gid }),
});
