/** Decides, without asking anybody, whether a token is an access token for this API (RFC 9068 §4). */
import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import type { Revocable } from './denylist.ts';

export interface AccessToken extends Revocable {
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
  /** False for a client that acts for itself (client credentials): then `sub` is the client. */
  readonly isUser: boolean;
  /** Seconds since 1970. */
  readonly expiresAt: number;
}

/** The token is not valid here; the message may be told to the client. */
export class TokenRejected extends Error {
  override readonly name = 'TokenRejected';
}

/** The authorization server's keys could not be fetched: says nothing about the token. */
export class KeysUnavailable extends Error {
  override readonly name = 'KeysUnavailable';
}

/** Throws `TokenRejected` or `KeysUnavailable`. */
export type VerifyAccessToken = (token: string) => Promise<AccessToken>;

export interface VerifierOptions {
  readonly issuer: string;
  readonly audience: string;
  /** Looks up public keys of the issuer: `createRemoteJWKSet` of its `jwks_uri`. */
  readonly keys: JWTVerifyGetKey;
  readonly now: () => Date;
}

/** Seconds by which the server's clock and ours may differ. */
const CLOCK_TOLERANCE = 5;

export function createAccessTokenVerifier(options: VerifierOptions): VerifyAccessToken {
  const { issuer, audience, now } = options;
  const keys = distinguishOutages(options.keys);
  return async (token) => {
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience,
        // An ID token is signed by the same server, maybe for the same audience: `typ` tells them apart.
        typ: 'at+jwt',
        // Naming the algorithm shuts out `none` and HS256 keyed with our own public key (RFC 8725 §3.1).
        algorithms: ['ES256'],
        requiredClaims: ['sub', 'client_id', 'exp', 'iat', 'jti'],
        clockTolerance: CLOCK_TOLERANCE,
        currentDate: now(),
      });
      return toAccessToken(payload);
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw new TokenRejected('The token has expired');
      if (error instanceof errors.JOSEError) {
        throw new TokenRejected('The token is not valid here', { cause: error });
      }
      throw error;
    }
  };
}

function toAccessToken(payload: JWTPayload): AccessToken {
  // Bound to a key of the client's (DPoP, mutual TLS): a mere bearer may have stolen it (RFC 9449 §7.2).
  if (payload['cnf'] !== undefined) throw new TokenRejected('The token is bound to a key');
  const { sub, jti, client_id: clientId, scope, roles, exp } = payload;
  if (!sub || !jti || typeof clientId !== 'string' || exp === undefined) {
    throw new TokenRejected('The token lacks a claim');
  }
  return {
    sub,
    jti,
    sid: textOf(payload['sid']),
    gid: textOf(payload['gid']),
    // A token that does not say how old its roles are counts as older than any change.
    rolesVersion: Number(payload['roles_ver'] ?? 0),
    clientId,
    scopes: typeof scope === 'string' ? scope.split(' ').filter(Boolean) : [],
    roles: Array.isArray(roles) ? roles.filter((role) => typeof role === 'string') : [],
    isUser: sub !== clientId,
    expiresAt: exp,
  };
}

const textOf = (claim: unknown): string | undefined =>
  typeof claim === 'string' ? claim : undefined;

/** The ways in which fetching keys fails, as opposed to finding none that fits the token. */
const OUTAGES = new Set(['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID']);

const distinguishOutages =
  (keys: JWTVerifyGetKey): JWTVerifyGetKey =>
  async (header, token) => {
    try {
      return await keys(header, token);
    } catch (cause) {
      if (cause instanceof errors.JOSEError && !OUTAGES.has(cause.code)) throw cause;
      throw new KeysUnavailable('The keys of the authorization server cannot be fetched', {
        cause,
      });
    }
  };
