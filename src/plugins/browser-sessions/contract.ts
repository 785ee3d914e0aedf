import { type CookieChange, type RequestInfo, SIGN_IN_COOKIES } from '../../kernel/route.ts';
import { defineService } from '../../kernel/service.ts';
import type { RefreshTokens } from './refresh-token.ts';

/** Tokens of one session, for its cookies. Times in seconds. */
export interface TokenPair {
  readonly userId: string;
  readonly sessionId: string;
  readonly accessToken: string;
  readonly accessExpiresAt: number;
  /** As the access token says them. */
  readonly roles: readonly string[];
  readonly refreshToken: string;
  readonly refreshExpiresAt: number;
}

export interface BrowserSession {
  readonly pair: TokenPair;
  /** All that carry it. */
  readonly cookies: readonly CookieChange[];
}

/** How somebody proved who they are. */
export interface Proof {
  /** RFC 8176, shown in the login history. */
  readonly amr: readonly string[];
  /** Seconds since 1970. Default: now. */
  readonly authTime?: number | undefined;
  /** `User.credentialsVersion` when that was proven; left out by who has neither password nor address from us. */
  readonly credentialsVersion?: number | undefined;
  readonly request: RequestInfo;
}

/** What a browser is signed in with at the cookie REST API, for all who sign one in. */
export interface BrowserSessionService {
  /**
   * A session with its first tokens; the one that the browser had ends. Undefined when the user may not sign in, or has
   * other credentials by now.
   */
  start(userId: string, proof: Proof): Promise<BrowserSession | undefined>;
  /**
   * After a change that ended every session of the user: another one, under other ids, for the browser that made it. The
   * change is done: where no session can be had the cookies of the old one lead nowhere, and the person signs in again. None is
   * deleted, since the browser may have those of another sign-in when the answer arrives (B-08).
   */
  startOver(userId: string, proof: Proof): Promise<readonly CookieChange[]>;
  /**
   * Other cookies for the same session; copies of the former ones lead nowhere from then on, also while a session that
   * knows them is being saved. Tokens only where there were some. None for who does not have the session's own cookie, and
   * where the session ends meanwhile. With `authTime` (seconds) the person has just proved who they are: with the former
   * cookies nobody has.
   */
  renew(
    session: { readonly userId: string; readonly uid: string },
    request: RequestInfo,
    authTime?: number,
  ): Promise<readonly CookieChange[]>;
  readonly tokens: RefreshTokens;
  /** Where the tokens of a pair go. */
  tokenCookies(pair: TokenPair): readonly CookieChange[];
}

export type { RefreshTokenClaims, RefreshTokens, VerifiedRefreshToken } from './refresh-token.ts';

/** Deletes the cookies of who is signed in: for who asks to be signed out, and nobody else. */
export const SIGNED_OUT: readonly CookieChange[] = SIGN_IN_COOKIES.map((name) => ({
  name,
  value: undefined,
}));

export const BrowserSessions = defineService<BrowserSessionService>('browser-sessions');
