/**
 * Who is signed in here. The browser holds nothing but a random id; tokens never leave the server.
 * Kept in memory: an application with several processes puts this into its database.
 */
import { randomBytes } from 'node:crypto';
import type { IDToken } from 'openid-client';

/** An authorization request that has not come back yet. */
export interface PendingSignIn {
  readonly nonce: string;
  readonly codeVerifier: string;
}

export interface SignedIn {
  readonly claims: IDToken;
  readonly idToken: string;
  readonly accessToken: string;
  readonly refreshToken: string | undefined;
  /** Milliseconds since 1970, of the access token. */
  readonly expiresAt: number;
}

export interface Session {
  readonly id: string;
  /** Stands in every form of this session's pages. */
  readonly csrf: string;
  /** By `state`: somebody may sign in from several tabs. */
  readonly pending: Map<string, PendingSignIn>;
  user?: SignedIn;
  /** A refresh that is under way: a refresh token works once. */
  refreshing?: Promise<void>;
  lastUsed: number;
}

export interface Sessions {
  find(id: string | undefined): Session | undefined;
  create(): Session;
  end(id: string): void;
  /** Ends the sessions a logout token means: those of its `sid`, or without one all of its `sub`. */
  endMeant(logout: { readonly sid?: string; readonly sub?: string }): number;
}

/** Milliseconds after which an unused session is gone. */
const IDLE = 8 * 60 * 60 * 1000;
/** The least recently used one makes room. */
const MAX_SESSIONS = 10_000;

export function createSessions(now: () => number): Sessions {
  // In order of use: whoever is used moves to the end.
  const sessions = new Map<string, Session>();

  const keep = (session: Session): Session => {
    session.lastUsed = now();
    sessions.delete(session.id);
    sessions.set(session.id, session);
    return session;
  };

  const dropStale = (): void => {
    for (const { id, lastUsed } of sessions.values()) {
      if (sessions.size < MAX_SESSIONS && now() - lastUsed < IDLE) return;
      sessions.delete(id);
    }
  };

  return {
    find(id) {
      const session = id === undefined ? undefined : sessions.get(id);
      return session && now() - session.lastUsed < IDLE ? keep(session) : undefined;
    },
    create() {
      dropStale();
      const [id, csrf] = [randomToken(), randomToken()];
      return keep({ id, csrf, pending: new Map(), lastUsed: now() });
    },
    end(id) {
      sessions.delete(id);
    },
    endMeant({ sid, sub }) {
      const meant = [...sessions.values()].filter(({ user }) =>
        sid === undefined ? user?.claims.sub === sub : user?.claims['sid'] === sid,
      );
      for (const { id } of meant) sessions.delete(id);
      return meant.length;
    },
  };
}

/** 256 bits. */
const randomToken = (): string => randomBytes(32).toString('base64url');
