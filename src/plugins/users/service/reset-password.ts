import type { Clock } from '../../../kernel/clock.ts';
import type { Events } from '../../../kernel/events.ts';
import type { CredentialsChange, CredentialsChanged, Log } from '../../../kernel/plugin.ts';
import type { Transaction } from '../../../kernel/store.ts';
import type { RateLimits } from '../../rate-limit/contract.ts';
import type { Alongside, SessionService } from '../../sessions/contract.ts';
import { PasswordChanged, type UserService } from '../contract.ts';
import { emailKey } from '../email-address.ts';
import type { UserModel, UserRow } from '../model.ts';
import type { PasswordHasher } from '../password-hasher.ts';
import type { PasswordPolicy } from '../password-policy.ts';
import { problems } from '../problems.ts';

interface Dependencies {
  readonly users: UserModel;
  readonly policy: PasswordPolicy;
  readonly hasher: PasswordHasher;
  readonly sessions: Pick<SessionService, 'endAll'>;
  readonly limits: Pick<RateLimits, 'refill'>;
  readonly credentialsChanged: CredentialsChanged;
  readonly events: Events;
  readonly clock: Clock;
  readonly log: Pick<Log, 'info'>;
}

interface Change {
  readonly reason: string;
  readonly alongside: Alongside | undefined;
  readonly by: CredentialsChange['by'];
  /** Writes the hash; undefined when it may not, by now. */
  write(hash: string, transaction: Transaction): Promise<number | undefined>;
}

/** New passwords without the former one: nothing that was signed in, or allowed, before goes on. */
export function createResetPassword(
  dependencies: Dependencies,
): Pick<UserService, 'resetPassword' | 'setPassword'> {
  const { users, policy, hasher, sessions, limits, credentialsChanged } = dependencies;
  const { events, clock, log } = dependencies;

  const replace = async (row: UserRow, next: string, change: Change): Promise<void> => {
    const { id, email_canonical: email, name } = row;
    const faults = await policy.check(next, { email, ...(name !== null && { name }) });
    if (faults.length > 0) {
      const errors = faults.map((detail) => ({ pointer: '#/new_password', detail }));
      throw problems.passwordRejected({ errors });
    }
    const hash = await hasher.hash(next);
    await sessions.endAll(id, change.reason, {
      alongside: async (transaction, deny) => {
        await change.alongside?.(transaction, deny);
        const rolesVersion = await change.write(hash, transaction);
        if (rolesVersion === undefined) throw problems.changedMeanwhile();
        deny({ sub: id, rolesVersion });
      },
      // Last: what sessions of before are about to write has been written then, or will not be.
      afterwards: (transaction) => credentialsChanged({ userId: id, by: change.by }, transaction),
    });
    // Whatever others have spent: the right password is known to nobody but who set it.
    await limits.refill(emailKey(row.email));
    log.info({ event: 'password.changed', sub: id }, change.reason);
    events.emit(PasswordChanged, { userId: id });
  };

  return {
    async resetPassword({ id, ...known }, next, { alongside }) {
      const row = await users.findById(id);
      if (!row || row.disabled_at || row.roles_ver !== known.rolesVersion) {
        throw problems.changedMeanwhile();
      }
      await replace(row, next, {
        reason: 'password reset',
        by: 'password-reset',
        alongside,
        write: (to, transaction) =>
          users.resetPassword(id, known, { to, at: new Date(clock.now()) }, transaction),
      });
    },

    async setPassword(id, next, { alongside, by = 'password-reset' } = {}) {
      const row = await users.findById(id);
      if (!row) throw problems.notFound();
      await replace(row, next, {
        reason: by === 'address-claimed' ? 'address claimed' : 'password set',
        ...{ alongside, by },
        write: (to, transaction) =>
          users.overwritePassword(id, { to, at: new Date(clock.now()) }, transaction),
      });
    },
  };
}
