import type { CookieChange, Principal } from '../../kernel/route.ts';
import type { SessionInfo, SessionService, SignInRecord } from '../sessions/contract.ts';
import type { UserService } from '../users/contract.ts';
import type { Cursors } from './cursor.ts';
import { type IssueDependencies, issueFirstPair, tokenCookies } from './issue-tokens.ts';
import { problems } from './problems.ts';

interface Dependencies extends IssueDependencies {
  readonly users: UserService;
  readonly sessions: SessionService;
  readonly cursors: Cursors;
}

/** A user with the session they call from. */
type Caller = Required<Pick<Principal, 'sub' | 'sid'>>;

export type SecurityService = ReturnType<typeof createSecurityService>;

/** What a user does to be safe: change the password, look at sessions and sign-ins, end sessions. */
export function createSecurityService(dependencies: Dependencies) {
  const { users, sessions, grants, cursors, clock } = dependencies;

  return {
    /** Everything else ends; this session goes on with a new refresh family. Throws `account:invalid-credentials`. */
    async changePassword(
      { sub, sid }: Caller,
      passwords: { current: string; next: string },
    ): Promise<readonly CookieChange[]> {
      const changed = await users.changePassword(sub, passwords, {
        keepSession: sid,
        alongside: async (transaction, deny) => {
          const family = { sessionId: sid, clientId: dependencies.clientId };
          await grants.endAll(family, 'password changed', transaction, deny);
        },
      });
      if (!changed) throw problems.invalidCredentials();
      const pair = await issueFirstPair({ uid: sid, userId: sub }, dependencies);
      if (!pair) throw problems.refreshRejected();
      return tokenCookies(pair, clock);
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
