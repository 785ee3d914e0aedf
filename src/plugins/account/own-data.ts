import type { Clock } from '../../kernel/clock.ts';
import type { Log, UserData } from '../../kernel/plugin.ts';
import type { CookieChange } from '../../kernel/route.ts';
import { SIGNED_OUT } from '../browser-sessions/contract.ts';
import type { UserService } from '../users/contract.ts';
import { problems } from './problems.ts';

interface Dependencies {
  readonly users: Pick<UserService, 'find' | 'delete'>;
  readonly userData: Pick<UserData, 'export'>;
  readonly issuer: string;
  readonly clock: Clock;
  readonly log: Log;
}

export type OwnData = ReturnType<typeof createOwnData>;

/** What users may do with all that is kept about them (GDPR articles 15, 17 and 20). */
export function createOwnData({ users, userData, issuer, clock, log }: Dependencies) {
  return {
    /** Everything, by section; no passwords, codes or tokens, nor their hashes. */
    async export(userId: string) {
      const user = await users.find(userId);
      if (!user || user.disabledAt) throw problems.refreshRejected();
      return {
        issuer,
        exported_at: new Date(clock.now()).toISOString(),
        user_id: user.id,
        data: await userData.export(user),
      };
    },

    /** Throws `users:last-superuser`. */
    async delete(userId: string): Promise<readonly CookieChange[]> {
      await users.delete(userId);
      const fields = { event: 'user.deleted', actor: userId, target: userId };
      log.info(fields, 'a user deleted their account');
      return SIGNED_OUT;
    },
  };
}
