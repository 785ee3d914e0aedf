import type { Clock } from '../../../kernel/clock.ts';
import type { Events } from '../../../kernel/events.ts';
import type { CredentialsChanged, Log } from '../../../kernel/plugin.ts';
import type { SessionService } from '../../sessions/contract.ts';
import { type AttemptDependencies, createAttempts } from '../attempts.ts';
import { PasswordChanged, type UserService } from '../contract.ts';
import type { UserModel } from '../model.ts';
import type { PasswordHasher } from '../password-hasher.ts';
import type { PasswordPolicy } from '../password-policy.ts';
import { problems } from '../problems.ts';
import { toUser } from '../to-user.ts';

export interface ChangePasswordDependencies extends AttemptDependencies {
  readonly users: UserModel;
  readonly policy: PasswordPolicy;
  readonly hasher: PasswordHasher;
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
  const { users, policy, hasher, sessions, credentialsChanged, events, clock, log } = dependencies;
  const attempts = createAttempts(dependencies);

  return async (id, { current, next, attempt = {} }, alongside) => {
    const row = await users.findById(id);
    await attempts.spendOnUser(row, id, attempt);
    const stored = row?.password_hash;
    const { matches } = await hasher.verify(stored, current);
    if (!row || row.disabled_at || !stored || !matches) return undefined;
    const { email_canonical: email, name } = row;
    const faults = await policy.check(next, { email, ...(name === null ? {} : { name }) });
    const isSame = current.normalize('NFKC') === next.normalize('NFKC');
    const all = isSame ? ['The new password is the one you have.', ...faults] : faults;
    if (all.length > 0) {
      const errors = all.map((detail) => ({ pointer: '#/new_password', detail }));
      throw problems.passwordRejected({ errors });
    }
    const hash = await hasher.hash(next);
    let credentialsVersion = 0;
    await sessions.endAll(id, 'password changed', {
      alongside: async (transaction, deny) => {
        const at = new Date(clock.now());
        const change = { from: stored, to: hash, at };
        const versions = await users.setPassword(id, change, transaction);
        if (versions === undefined) throw problems.passwordChangedMeanwhile();
        deny({ sub: id, rolesVersion: versions.roles_ver });
        credentialsVersion = versions.credentials_ver;
        await alongside?.(toUser(row), transaction);
      },
      afterwards: (transaction) =>
        credentialsChanged({ userId: id, by: 'password-change' }, transaction),
    });
    log.info({ event: 'password.changed', sub: id }, 'password changed');
    events.emit(PasswordChanged, { userId: id });
    return { credentialsVersion };
  };
}
