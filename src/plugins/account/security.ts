import type { OidcEngine } from '../../kernel/oidc.ts';
import type { CookieChange, Principal, RequestInfo } from '../../kernel/route.ts';
import type { BrowserSessionService } from '../browser-sessions/contract.ts';
import type { EmailLinkService } from '../email-links/contract.ts';
import type { SessionInfo, SessionService, SignInRecord } from '../sessions/contract.ts';
import type { ChangedCredentials, UserService } from '../users/contract.ts';
import type { Cursors } from './cursor.ts';
import { problems } from './problems.ts';

interface Dependencies {
  readonly users: UserService;
  readonly sessions: SessionService;
  readonly emailLinks: Pick<EmailLinkService, 'changeEmail' | 'passwordChanged'>;
  readonly browsers: Pick<BrowserSessionService, 'startOver' | 'renew'>;
  readonly oidc: OidcEngine;
  readonly cursors: Cursors;
}

/** A user with the session they call from. */
type Caller = Required<Pick<Principal, 'sub' | 'sid' | 'clientId'>>;

export type SecurityService = ReturnType<typeof createSecurityService>;

/** What a user does to be safe: change the password, look at sessions and sign-ins, end sessions. */
export function createSecurityService(dependencies: Dependencies) {
  const { users, emailLinks, browsers, oidc, sessions, cursors } = dependencies;

  /** How the session of the caller's browser was signed in. */
  const methodsOf = async ({ sid }: Caller, { exchange }: RequestInfo) => {
    const session = await oidc.currentSession(exchange);
    return session?.uid === sid ? session.amr : [];
  };

  /** The password was proven just now. An application with a token is no browser: it gets no cookies. */
  const startOver = async (
    { sub, clientId }: Caller,
    { credentialsVersion }: ChangedCredentials,
    before: readonly string[],
    request: RequestInfo,
  ): Promise<readonly CookieChange[]> => {
    if (clientId !== oidc.restClient.id) return [];
    const amr = [...new Set([...before, 'pwd'])];
    return browsers.startOver(sub, { amr, credentialsVersion, request });
  };

  return {
    /** Everything ends, and this browser gets another session. Throws `account:invalid-credentials`. */
    async changePassword(
      caller: Caller,
      passwords: { current: string; next: string },
      request: RequestInfo,
    ): Promise<readonly CookieChange[]> {
      const before = await methodsOf(caller, request);
      const attempt = { request, sessionId: caller.sid };
      const changed = await users.changePassword(
        caller.sub,
        { ...passwords, attempt },
        (user, transaction) => emailLinks.passwordChanged(user, transaction),
      );
      if (!changed) throw problems.invalidCredentials();
      return startOver(caller, changed, before, request);
    },

    /**
     * A new address waits for its mailed link; without mail it is changed at once, with the same end of everything.
     * Throws `account:invalid-credentials`.
     */
    async changeEmail(
      caller: Caller,
      change: { email: string; password: string },
      request: RequestInfo,
    ): Promise<{ status: 'check-mail' | 'changed'; cookies: readonly CookieChange[] }> {
      const before = await methodsOf(caller, request);
      const attempt = { request, sessionId: caller.sid };
      const outcome = await emailLinks.changeEmail(caller.sub, { ...change, attempt });
      if (outcome === 'wrong-password') throw problems.invalidCredentials();
      if (outcome === 'check-mail') return { status: outcome, cookies: [] };
      return { status: 'changed', cookies: await startOver(caller, outcome, before, request) };
    },

    sessions: ({ sub }: Caller): Promise<readonly SessionInfo[]> => sessions.list(sub),

    /** Throws `account:session-not-found`, also for the sessions of others. */
    async endSession({ sub }: Caller, id: string): Promise<void> {
      const own = await sessions.list(sub);
      if (!own.some((session) => session.id === id)) throw problems.sessionNotFound();
      await sessions.revoke(id, 'ended by the user');
    },

    /** Copies of this session's cookies are somebody else as well. */
    async endOtherSessions(
      { sub: userId, sid: uid, clientId }: Caller,
      request: RequestInfo,
    ): Promise<readonly CookieChange[]> {
      await sessions.endAll(userId, 'ended by the user', { except: uid });
      return clientId === oidc.restClient.id ? browsers.renew({ userId, uid }, request) : [];
    },

    async history(
      { sub }: Caller,
      { cursor, limit }: { cursor?: string | undefined; limit: number },
    ): Promise<{ records: readonly SignInRecord[]; next: string | null }> {
      const before = cursor === undefined ? undefined : cursors.decode(sub, cursor);
      const found = await sessions.history(sub, { before, limit: limit + 1 });
      const records = found.slice(0, limit);
      const last = found.length > limit ? records.at(-1) : undefined;
      return { records, next: last ? cursors.encode(sub, last) : null };
    },
  };
}
