import { defineEvent } from '../../kernel/events.ts';
import type { LiveSession, SessionFence } from '../../kernel/oidc.ts';
import type { CookieChange, RequestInfo } from '../../kernel/route.ts';
import { defineService } from '../../kernel/service.ts';
import type { Transaction } from '../../kernel/store.ts';
import type { Revocation } from '../revocations/contract.ts';

export interface SignIn {
  readonly userId: string;
  /**
   * `User.credentialsVersion` when the password was checked: no session begins when password or address changed since.
   * Left out by who signs in with neither.
   */
  readonly credentialsVersion?: number | undefined;
  /** Authentication methods (RFC 8176), e.g. `['pwd']`. */
  readonly amr: readonly string[];
  /** When they proved it: seconds since 1970. Default: now. */
  readonly authTime?: number | undefined;
  readonly ip: string;
  readonly userAgent: string;
  /** Of the browser that is signed in. */
  readonly request: Pick<RequestInfo, 'cookie'>;
  /** The session that the browser had: ends when, and only if, this one begins. */
  readonly replaces?: { readonly uid: string; readonly reason: string } | undefined;
  /**
   * What else belongs to it: whatever can fail is done here, before it begins; what is answered is called in the transaction
   * in which it does, and undoes it by throwing.
   */
  readonly prepare?: (session: LiveSession) => Promise<Write>;
}

export type Write = (transaction: Transaction) => Promise<void>;

export interface StartedSession {
  readonly session: LiveSession;
  /** That of the session, and the one by which the browser is known from now on. */
  readonly cookies: readonly CookieChange[];
}

/** Where a page of the history ends: ids tell sign-ins of one moment apart. */
export interface HistoryPosition {
  readonly authDate: Date;
  readonly id: string;
}

export interface SessionInfo {
  readonly id: string;
  readonly userId: string;
  readonly device: string;
  readonly ip: string;
  /** Ids of clients signed in through it. */
  readonly clients: readonly string[];
  readonly createdAt: Date;
  readonly lastSeen: Date;
}

/** A sign-in of the past. */
export interface SignInRecord {
  readonly id: string;
  readonly sessionId: string;
  readonly method: string;
  readonly device: string;
  readonly ip: string;
  readonly authDate: Date;
  readonly logoutDate: Date | null;
}

/** A change that commits or fails together with the end of the sessions, and comes before it. */
export type Alongside = (
  transaction: Transaction,
  deny: (revocation: Revocation) => void,
) => Promise<void>;

export interface SessionService extends SessionFence {
  /**
   * A person proved who they are: a session, its history entry, its live record, all or none. Its cookie carries it.
   * This is the end of every sign-in, however many steps it had, so it is here that the browser becomes a known one.
   * Undefined when the user has been disabled or deleted meanwhile, or has other credentials now.
   */
  start(signIn: SignIn): Promise<StartedSession | undefined>;
  /** Sign-ins of a user, newest first, those before `before` (exclusive) when given. */
  history(
    userId: string,
    page: { readonly before?: HistoryPosition | undefined; readonly limit: number },
  ): Promise<readonly SignInRecord[]>;
  /** Active sessions of a user, newest first. */
  list(userId: string): Promise<readonly SessionInfo[]>;
  /** As `end`, for a session that somebody else may have: grants for use without a session (`offline_access`) end too. */
  revoke(uid: string, reason: string): Promise<void>;
  /**
   * Another cookie for a session; every one of before, and every id rotated away, leads nowhere. `alongside` commits with
   * it, and comes last. With `authTime` (seconds) the person has just proved who they are. Undefined when the session has
   * ended.
   */
  renewCookie(
    uid: string,
    options?: {
      readonly authTime?: number | undefined;
      readonly alongside?: Alongside;
    },
  ): Promise<CookieChange | undefined>;
  /**
   * Ends every session and grant of a user but those of the session `except`; `afterwards` commits with it and comes last.
   * When they are more than a batch, those come in batches first, which `inBatches` does with what it needs before and
   * after; `alongside` has been run by then and undone, and is run again. Throwing `MoreThanABatch` there asks for batches too.
   */
  endAll(
    userId: string,
    reason: string,
    options?: {
      readonly except?: string;
      readonly alongside?: Alongside;
      readonly inBatches?: (endThem: () => Promise<void>) => Promise<void>;
      readonly afterwards?: Alongside;
    },
  ): Promise<void>;
}

export const Sessions = defineService<SessionService>('sessions');

export const SessionStarted = defineEvent<{ sessionId: string; userId: string }>('session.started');
export const SessionEnded = defineEvent<{ sessionId: string; userId: string; reason: string }>(
  'session.ended',
);
/** Somebody used a refresh token a second time: it may have been stolen. */
export const RefreshReplayed = defineEvent<{
  grantId: string;
  userId: string;
  sessionId: string | null;
}>('refresh_token.replayed');
