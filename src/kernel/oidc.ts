/** The seams between oidc-provider (`src/oidc`) and the plugins that own users, grants, sessions and keys. */
import type { Adapter, AdapterPayload, JWK } from 'oidc-provider';
import type { Admit, CookieChange, Exchange, PageInput, PageReply, RateClass } from './route.ts';
import type { Transaction } from './store.ts';

/** Scopes of clients that act for themselves (RFC 6749 §4.4): no person can give them, so nobody is asked. */
export const CLIENT_SCOPES: readonly string[] = ['revocations'];

/** For whom claims are made: a user, at a client, with what was granted. */
export interface ClaimSubject {
  readonly userId: string;
  readonly clientId: string;
  readonly scopes: ReadonlySet<string>;
  /** With `access_token`: whether the token opens the operator's API, or this server only. */
  readonly forApi?: boolean;
  /** With `account`: what `AccountSource` found for this request. */
  readonly account?: FoundAccount;
}

/** A user who is there and may be used. The plugin that found it may know more of it. */
export interface FoundAccount {
  readonly userId: string;
}

/**
 * Adds claims. A source may never set a claim of the core (`iss sub aud exp …`) or of another plugin.
 * It is asked before a token is consumed, so throwing burns nothing (the request fails closed).
 */
export interface ClaimSource {
  /** Claim names this source may set. */
  readonly names: readonly string[];
  readonly in: readonly ('access_token' | 'account')[];
  /** With `account` (ID token, userinfo): the scope that releases the claims. */
  readonly scope?: string;
  claims(subject: ClaimSubject): Promise<Readonly<Record<string, unknown>>>;
}

/** A user as oidc-provider's `findAccount` needs it; undefined for unknown and disabled ones. */
export interface AccountSource {
  find(userId: string): Promise<FoundAccount | undefined>;
}

/** A step that a person must take before an authorization request goes on. */
export interface Interaction {
  readonly uid: string;
  readonly prompt: string;
  readonly reasons: readonly string[];
  readonly details: Readonly<Record<string, unknown>>;
  readonly params: Readonly<Record<string, unknown>>;
  readonly client: {
    readonly id: string;
    readonly name: string;
    readonly redirectUri: string;
    /** Shown to people: `shop.example.com`, or the scheme of a native client. */
    readonly redirectHost: string;
  };
  /** Who is signed in in this browser, if anybody. */
  readonly session?: { readonly uid: string; readonly userId: string };
  /** Path of an action of this prompt: a form posts to it. */
  url(action?: string): string;
}

export interface InteractionInput extends PageInput {
  readonly interaction: Interaction;
}

/** What an action leads to: another page, or the end of this prompt. */
export type PromptOutcome =
  | PageReply
  | { readonly finish: InteractionResult; readonly cookies?: readonly CookieChange[] };

export interface InteractionResult {
  readonly login?: {
    readonly accountId: string;
    readonly ts: number;
    readonly amr: readonly string[];
    /** A new session took the place of the one the interaction began with. */
    readonly replacedSession: boolean;
  };
  readonly consent?: Readonly<Record<string, never>>;
  readonly select_account?: Readonly<Record<string, never>>;
  readonly error?: 'access_denied';
}

/** The page of one of oidc-provider's prompts: `show` for GET, one of `actions` for POST. */
export interface Prompt {
  readonly name: string;
  /** A prompt that oidc-provider does not bring: shown when a client asks for it with `prompt=<name>`. */
  readonly requestable?: boolean;
  show(input: InteractionInput): Promise<PromptOutcome>;
  /** Further pages of the prompt, by the last path segment (`register`). */
  readonly pages?: Readonly<Record<string, (input: InteractionInput) => Promise<PromptOutcome>>>;
  readonly actions: Readonly<Record<string, (input: InteractionInput) => Promise<PromptOutcome>>>;
  /** Classes of actions that cost more than a `write`. */
  readonly rateLimits?: Readonly<Record<string, RateClass>>;
  /** For actions whose room is limited. */
  readonly admissions?: Readonly<Record<string, Admit>>;
}

/** What a person gave a client in one authorization (one code, one refresh family). */
export interface NewGrant {
  /** Default: a new one. */
  readonly id?: string;
  readonly userId: string;
  readonly clientId: string;
  readonly sessionId: string;
  /** Space-separated, for ID token and userinfo. */
  readonly openidScope: string;
  /** Space-separated, by resource indicator (RFC 8707). */
  readonly resources: Readonly<Record<string, string>>;
  /** What its access tokens may name in `aud`. */
  readonly audiences: readonly string[];
  /** Seconds after which the grant goes unless its code was redeemed. Without it nobody waits for a code. */
  readonly redeemWithin?: number;
  /** It rests on a consent, and is made only while that is there. */
  readonly consented?: boolean;
}

/** A code that was redeemed before, or whose grant is over. */
export class CodeReplayed extends Error {
  override readonly name = 'CodeReplayed';
}

/** The fence in PostgreSQL that decides whether anything may still be issued; no Redis failover can undo it. */
export interface GrantFence {
  /** Adapter of oidc-provider's `Grant` model. */
  readonly adapter: Adapter;
  /** Returns the grant's id; undefined when its session has ended meanwhile, or its consent was withdrawn. */
  create(grant: NewGrant, transaction?: Transaction): Promise<string | undefined>;
  /**
   * Redeems the code of a grant: exactly one caller, ever (RFC 6749 §4.1.2). Throws `CodeReplayed`
   * for every other; one later than 2 s after the first also ends the grant.
   */
  redeemCode(grantId: string, codeHash: string): Promise<void>;
  /** One compare-and-set: rotation `from` → `from + 1`, unless the grant has ended. */
  rotate(grantId: string, from: number, salt: string): Promise<Rotation>;
  /** What `rotate` would answer to somebody who comes too late; `current` when `from` is still unused. */
  inspect(grantId: string, from: number): Promise<Rotation | CurrentRotation>;
  end(grantId: string, reason: string): Promise<void>;
}

/** Nobody has rotated yet. `grant` is what the adapter would find. */
export interface CurrentRotation {
  readonly outcome: 'current';
  readonly grant: AdapterPayload;
}

/**
 * `rotated`: this caller won. `same`: another rotated `from` within the last 10 s, with that salt.
 * `replayed`: `from` was used up longer ago. `ended`: the grant is over.
 */
export type Rotation =
  | {
      readonly outcome: 'rotated' | 'same';
      readonly salt: string;
      /** Seconds since 1970, by PostgreSQL's clock: the same for every caller. */
      readonly rotatedAt: number;
      /** End of the grant, in seconds. */
      readonly expiresAt: number;
    }
  | { readonly outcome: 'replayed' | 'ended' };

export interface SessionFence {
  /** False once a session has ended or outlived SESSION_TTL, whatever the state store says. */
  isAlive(uid: string): Promise<boolean>;
  /** Which cookies of the session count: those of this version. Undefined when it is not alive. */
  cookieVersion(uid: string): Promise<number | undefined>;
  /**
   * Ends the session everywhere: fence, its grants, denylist, live record, back-channel logout. Idempotent.
   * Clients in `told` have had their logout token already.
   */
  end(uid: string, reason: string, told?: readonly string[]): Promise<void>;
  /** The session was used just now; written down at most once a minute. */
  seen(uid: string): Promise<void>;
  /** Did the person prove who they are within the last 5 minutes? False for a session that has ended. */
  isRecent(uid: string): Promise<boolean>;
  /** The same person proved again who they are, and keeps the cookies they have. `authTime` in seconds. */
  reauthenticated(uid: string, authTime: number): Promise<void>;
  /** A refresh token was used twice: ends its grant and session, and tells (RFC 9700 §4.14.2). */
  refreshReplayed(grantId: string): Promise<void>;
}

/** The live session record, held by the OIDC engine. */
export interface LiveSession {
  readonly uid: string;
  readonly userId: string;
  /** Seconds since 1970. */
  readonly authTime: number;
  readonly amr: readonly string[];
}

export interface AccessTokenRequest {
  readonly userId: string;
  readonly grantId: string;
  readonly sessionId: string;
  readonly scope: string;
}

/** What plugins may ask of oidc-provider. Usable once the server has been built, not during set-up. */
export interface OidcEngine {
  readonly issuer: string;
  /** The pseudo-client of the cookie REST API and what a REST login covers (space-separated). */
  readonly restClient: { readonly id: string; readonly scope: string };
  /** Makes the live record of a session and the cookie that carries it. */
  openSession(session: LiveSession): Promise<CookieChange>;
  /** Another cookie for a live record, of this version. */
  reopenSession(uid: string, cookieVersion: number): Promise<CookieChange>;
  /** The session of this browser, if it is signed in and the fence lets it live. */
  currentSession(exchange: Exchange): Promise<LiveSession | undefined>;
  /**
   * What the value of a session cookie leads to, whether that session lives or not, and the value that the browser should
   * have: another one when it was rotated away just now. One read of the store, then one more.
   */
  sessionOfCookie(
    value: string,
  ): Promise<{ readonly uid: string; readonly id: string } | undefined>;
  /** Whether the live record is there and was used within SESSION_IDLE_TTL. */
  isSessionLive(uid: string): Promise<boolean>;
  /** Keeps a live record alive for another SESSION_IDLE_TTL; renews its `auth_time` (seconds) when given. */
  touchSession(uid: string, authTime?: number): Promise<void>;
  /** Deletes the live record and tells these clients, in the background (OIDC Back-Channel Logout 1.0). */
  closeSession(session: {
    readonly uid: string;
    readonly userId: string;
    readonly clients: readonly string[];
  }): Promise<void>;
  /**
   * The session that a token of a REST login or a first-party client names, even if that token has expired or is denied;
   * else undefined.
   */
  sessionOfToken(token: string): Promise<string | undefined>;
  /**
   * Bytes that claims of these names may take together, as one JSON object, in an access token of a REST login: with more of
   * them it would not fit into its cookie (RFC 6265 §6.1: 4,096 bytes). With a user, what the other plugins say of them counts
   * as well: asked now, so it may be more later. Throws `StoreUnavailable` when one does not answer.
   */
  roomForClaims(names: readonly string[], userId?: string): Promise<number>;
  /**
   * Signs an RFC 9068 access token for the REST pseudo-client. `expiresAt` in seconds; `roles` are those of the user, also
   * when the token had no room for them.
   */
  issueAccessToken(
    request: AccessTokenRequest,
  ): Promise<{ token: string; expiresAt: number; roles: readonly string[] }>;
}

/** Private signing keys as JWKs, the signing one of each algorithm first. */
export interface SigningKeys {
  current(): Promise<readonly JWK[]>;
  /** Calls `listener` whenever `current()` answers something else than before. */
  subscribe(listener: () => void): void;
}

/** What stops valid tokens before they expire. */
export interface Denylist {
  denies(token: {
    readonly sub?: string | undefined;
    readonly sid?: string | undefined;
    readonly gid?: string | undefined;
    readonly jti?: string | undefined;
    readonly rolesVersion?: number | undefined;
  }): boolean;
}

/** Decides what a client may have without asking, and remembers what was asked (OIDC Core §3.1.2.4). */
export interface ConsentSource {
  /** What the user allowed this client, over all sessions; lasting until withdrawn. */
  allowed(userId: string, clientId: string): Promise<Allowed>;
}

export interface Allowed {
  readonly scopes: ReadonlySet<string>;
  /** Resource indicators (RFC 8707). */
  readonly resources: ReadonlySet<string>;
}
