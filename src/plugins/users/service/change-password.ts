import type { Clock } from '../../../kernel/clock.ts';
import type { Events } from '../../../kernel/events.ts';
import type { CredentialsChanged, Log } from '../../../kernel/plugin.ts';
import type { RateLimits } from '../../rate-limit/contract.ts';
import type { SessionService } from '../../sessions/contract.ts';
import { PasswordChanged, type UserService } from '../contract.ts';
import type { UserModel } from '../model.ts';
import type { PasswordHasher } from '../password-hasher.ts';
import type { PasswordPolicy } from '../password-policy.ts';
import { problems } from '../problems.ts';

export interface ChangePasswordDependencies {
  readonly users: UserModel;
  readonly policy: PasswordPolicy;
  readonly hasher: PasswordHasher;
  readonly limits: Pick<RateLimits, 'account'>;
  readonly sessions: Pick<SessionService, 'endAll'>;
  readonly credentialsChanged: CredentialsChanged;
  readonly events: Events;
  readonly clock: Clock;
  readonly log: Pick<Log, 'info'>;
}

/** Everything that was signed in with the former password ends in the same transaction (SEC-9, SEC-10). */
export function createChangePassword(
  dependencies: ChangePasswordDependencies,
): UserService['changePassword'] {
  const { users, policy, hasher, limits, sessions, credentialsChanged, events, clock, log } =
    dependencies;

  return async (id, { current, next }, { keepSession, alongside }) => {
    const row = await users.findById(id);
    await limits.account(row?.email_canonical ?? id);
    const stored = row?.password_hash;
    const { matches } = await hasher.verify(stored, current);
    if (!row || row.disabled_at || !stored || !matches) return false;
    const { email_canonical: email, name } = row;
    const faults = await policy.check(next, { email, ...(name === null ? {} : { name }) });
    const isSame = current.normalize('NFKC') === next.normalize('NFKC');
    const all = isSame ? ['The new password is the one you have.', ...faults] : faults;
    if (all.length > 0) {
      const errors = all.map((detail) => ({ pointer: '#/new_password', detail }));
      throw problems.passwordRejected({ errors });
    }
    const hash = await hasher.hash(next);
    await sessions.endAll(id, 'password changed', {
      except: keepSession,
      alongside: async (transaction, deny) => {
        const at = new Date(clock.now());
        const rolesVersion = await users.setPassword(
          id,
          { from: stored, to: hash, at },
          transaction,
        );
        if (rolesVersion === undefined) throw problems.passwordChangedMeanwhile();
        // Access tokens of the kept session were made before as well.
        deny({ sub: id, rolesVersion });
        await credentialsChanged({ userId: id, by: 'password-change' }, transaction);
        await alongside?.(transaction, deny);
      },
    });
    log.info({ event: 'password.changed', sub: id }, 'password changed');
    events.emit(PasswordChanged, { userId: id });
    return true;
  };
}
