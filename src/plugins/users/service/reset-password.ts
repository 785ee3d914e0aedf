import type { Clock } from '../../../kernel/clock.ts';
import type { Events } from '../../../kernel/events.ts';
import type { Log } from '../../../kernel/plugin.ts';
import type { SessionService } from '../../sessions/contract.ts';
import { PasswordChanged, type UserService } from '../contract.ts';
import type { UserModel } from '../model.ts';
import type { PasswordHasher } from '../password-hasher.ts';
import type { PasswordPolicy } from '../password-policy.ts';
import { problems } from '../problems.ts';

interface Dependencies {
  readonly users: UserModel;
  readonly policy: PasswordPolicy;
  readonly hasher: PasswordHasher;
  readonly sessions: Pick<SessionService, 'endAll'>;
  readonly events: Events;
  readonly clock: Clock;
  readonly log: Pick<Log, 'info'>;
}

/** For who forgot the former one: nothing that was signed in with it goes on. */
export function createResetPassword(dependencies: Dependencies): UserService['resetPassword'] {
  const { users, policy, hasher, sessions, events, clock, log } = dependencies;

  return async ({ id, ...known }, next, { alongside }) => {
    const row = await users.findById(id);
    if (!row || row.disabled_at || row.roles_ver !== known.rolesVersion) {
      throw problems.changedMeanwhile();
    }
    const { email_canonical: email, name } = row;
    const faults = await policy.check(next, { email, ...(name !== null && { name }) });
    if (faults.length > 0) {
      const errors = faults.map((detail) => ({ pointer: '#/new_password', detail }));
      throw problems.passwordRejected({ errors });
    }
    const hash = await hasher.hash(next);
    await sessions.endAll(id, 'password reset', {
      alongside: async (transaction, deny) => {
        await alongside(transaction, deny);
        const at = new Date(clock.now());
        const rolesVersion = await users.resetPassword(id, known, { to: hash, at }, transaction);
        if (rolesVersion === undefined) throw problems.changedMeanwhile();
        deny({ sub: id, rolesVersion });
      },
    });
    log.info({ event: 'password.changed', sub: id }, 'password reset');
    events.emit(PasswordChanged, { userId: id });
  };
}
