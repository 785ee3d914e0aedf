import type { Database } from '../../kernel/store.ts';
import type { MailService } from '../mail/contract.ts';
import type { SessionService } from '../sessions/contract.ts';
import type { UserService } from '../users/contract.ts';

/** Sign-ins that are looked back at. */
const MEMORY = 200;

interface Dependencies {
  readonly db: Pick<Database, 'transaction'>;
  readonly mails: Pick<MailService, 'enqueue'>;
  readonly sessions: Pick<SessionService, 'history'>;
  readonly users: Pick<UserService, 'find'>;
  readonly publicUrl: string;
}

export function createNotices({ db, mails, sessions, users, publicUrl }: Dependencies) {
  return {
    /** Runs after the sign-in and delays nobody. Whose address is not verified gets no mail: it may be another's. */
    async signedIn({ sessionId, userId }: { sessionId: string; userId: string }): Promise<void> {
      const user = await users.find(userId);
      if (!user?.emailVerified) return;
      const history = await sessions.history(userId, { limit: MEMORY });
      const current = history.find((one) => one.sessionId === sessionId);
      const earlier = history.filter((one) => one.sessionId !== sessionId);
      if (!current || earlier.length === 0) return;
      if (earlier.some(({ device }) => device === current.device)) return;
      const locals = {
        name: user.name ?? '',
        device: current.device,
        time: `${current.authDate.toISOString().slice(0, 16).replace('T', ' ')} UTC`,
        url: `${publicUrl}/auth/password/forgot`,
      };
      await db.transaction((transaction) =>
        mails.enqueue({ to: user.email, userId, template: 'new-sign-in', locals }, transaction),
      );
    },
  };
}
