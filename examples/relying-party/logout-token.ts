/** Decides whether a logout token is one (OIDC Back-Channel Logout 1.0 §2.6). */
import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';

export interface LogoutToken {
  /** At least one of the two. */
  readonly sid?: string;
  readonly sub?: string;
}

/** The token must be ignored; the message says why. */
export class LogoutTokenRejected extends Error {
  override readonly name = 'LogoutTokenRejected';
}

export interface LogoutTokenRules {
  readonly issuer: string;
  readonly clientId: string;
  /** The one ID tokens are signed with. */
  readonly alg: string;
  readonly keys: JWTVerifyGetKey;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
/** Seconds by which the server's clock and ours may differ. */
const CLOCK_TOLERANCE = 30;
/** Seconds. */
const MAX_AGE = 300;

/** The returned function throws `LogoutTokenRejected` for every token that is forged, old or used before. */
export function createLogoutTokenVerifier(rules: LogoutTokenRules) {
  const used = createUsedTokens(rules.now);
  return async (token: string): Promise<LogoutToken> => {
    const { jti, exp, sid, sub } = await verify(token, rules);
    if (!used.add(jti, exp + CLOCK_TOLERANCE)) throw new LogoutTokenRejected('used before');
    return { ...(sid === undefined ? {} : { sid }), ...(sub === undefined ? {} : { sub }) };
  };
}

async function verify(token: string, { issuer, clientId, alg, keys, now }: LogoutTokenRules) {
  try {
    const { payload } = await jwtVerify(token, keys, {
      issuer,
      audience: clientId,
      // Keeps ID tokens out, which are signed alike for the same audience.
      typ: 'logout+jwt',
      algorithms: [alg],
      requiredClaims: ['iat', 'exp', 'jti', 'events'],
      maxTokenAge: MAX_AGE,
      clockTolerance: CLOCK_TOLERANCE,
      currentDate: new Date(now()),
    });
    return checkMeaning(payload);
  } catch (cause) {
    // Anything else says nothing about the token, such as keys that cannot be fetched.
    if (!(cause instanceof errors.JOSEError)) throw cause;
    throw new LogoutTokenRejected(cause.message, { cause });
  }
}

function checkMeaning(payload: JWTPayload) {
  const { events, sid, sub, jti = '', exp = 0 } = payload;
  const event = isObject(events) ? events[EVENT] : undefined;
  if (!isObject(event)) throw new LogoutTokenRejected('"events" names no back-channel logout');
  // A nonce is what makes it an ID token.
  if ('nonce' in payload) throw new LogoutTokenRejected('"nonce" must not be there');
  if (sid !== undefined && typeof sid !== 'string')
    throw new LogoutTokenRejected('"sid" is no text');
  if (!sid && !sub) throw new LogoutTokenRejected('neither "sid" nor "sub" is there');
  return { sid, sub, jti, exp };
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Each token counts once, and need not be remembered for longer than it is valid. */
function createUsedTokens(now: () => number) {
  const expiries = new Map<string, number>();
  return {
    /** False when it was there already. `until` in seconds since 1970. */
    add(jti: string, until: number): boolean {
      const seconds = now() / 1000;
      for (const [id, expiry] of expiries) if (expiry < seconds) expiries.delete(id);
      if (expiries.has(jti)) return false;
      expiries.set(jti, until);
      return true;
    },
  };
}
