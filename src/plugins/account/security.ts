import type { CookieChange, Principal } from '../../kernel/route.ts';
import type { EmailLinkService } from '../email-links/contract.ts';
import type { Alongside, SessionInfo, SessionService, SignInRecord } from '../sessions/contract.ts';
import type { UserService } from '../users/contract.ts';
import type { Cursors } from './cursor.ts';
import { type IssueDependencies, issueFirstPair, tokenCookies } from './issue-tokens.ts';
import { problems } from './problems.ts';

interface Dependencies extends IssueDependencies {
  readonly users: UserService;
  readonly sessions: SessionService;
  readonly emailLinks: Pick<EmailLinkService, 'changeEmail' | 'passwordChanged'>;
  readonly cursors: Cursors;
}

/** A user with the session they call from. */
type Caller = Required<Pick<Principal, 'sub' | 'sid'>>;

export type SecurityService = ReturnType<typeof createSecurityService>;

/** What a user does to be safe: change the password, look at sessions and sign-ins, end sessions. */
export function createSecurityService(dependencies: Dependencies) {
  const { users, emailLinks, sessions, grants, cursors, clock } = dependencies;

  /** The refresh family of this session ends with the change, … */
  const endFamily =
    (sid: string, reason: string): Alongside =>
    async (transaction, deny) => {
      const family = { sessionId: sid, clientId: dependencies.clientId };
      await grants.endAll(family, reason, transaction, deny);
    };

  /** … and a new one begins. */
  const renew = async ({ sub, sid }: Caller): Promise<readonly CookieChange[]> => {
    const pair = await issueFirstPair({ uid: sid, userId: sub }, dependencies);
    if (!pair) throw problems.refreshRejected();
    return tokenCookies(pair, clock);
  };

  return {
    /** Everything else ends; this session goes on with a new refresh family. Throws `account:invalid-credentials`. */
    async changePassword(
      { sub, sid }: Caller,
      passwords: { current: string; next: string },
    ): Promise<readonly CookieChange[]> {
      const user = await users.find(sub);
      const changed = await users.changePassword(sub, passwords, {
        keepSession: sid,
        alongside: async (transaction, deny) => {
          await endFamily(sid, 'password changed')(transaction, deny);
          if (user) await emailLinks.passwordChanged(user, transaction);
        },
      });
      if (!changed) throw problems.invalidCredentials();
      return renew({ sub, sid });
    },

    /** A new address waits for its mailed link; without mail it is changed at once. Throws `account:invalid-credentials`. */
    async changeEmail(
      { sub, sid }: Caller,
      change: { email: string; password: string },
    ): Promise<{ status: 'check-mail' | 'changed'; cookies: readonly CookieChange[] }> {
      const status = await emailLinks.changeEmail(sub, change, {
        keepSession: sid,
        alongside: endFamily(sid, 'e-mail changed'),
      });
      if (status === 'wrong-password') throw problems.invalidCredentials();
      return { status, cookies: status === 'changed' ? await renew({ sub, sid }) : [] };
    },

    sessions: ({ sub }: Caller): Promise<readonly SessionInfo[]> => sessions.list(sub),

    /** Throws `account:session-not-found`, also for the sessions of others. */
    async endSession({ sub }: Caller, id: string): Promise<void> {
      const own = await sessions.list(sub);
      if (!own.some((session) => session.id === id)) throw problems.sessionNotFound();
      await sessions.end(id, 'ended by the user');
    },

    endOtherSessions: ({ sub, sid }: Caller): Promise<void> =>
      sessions.endAll(sub, 'ended by the user', { except: sid }),

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
