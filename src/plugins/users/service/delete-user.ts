import type { Clock } from '../../../kernel/clock.ts';
import type { Events } from '../../../kernel/events.ts';
import { inBatches } from '../../../kernel/in-batches.ts';
import type { DataSubject, Log, UserData } from '../../../kernel/plugin.ts';
import type { Transaction } from '../../../kernel/store.ts';
import type { Deny, RevocationService } from '../../revocations/contract.ts';
import type { SessionService } from '../../sessions/contract.ts';
import { UserDeleted, type UserService } from '../contract.ts';
import type { UserModel } from '../model.ts';
import { problems } from '../problems.ts';

export interface DeleteDependencies {
  readonly users: UserModel;
  readonly sessions: Pick<SessionService, 'endAll'>;
  readonly revocations: Pick<RevocationService, 'transaction'>;
  readonly userData: Pick<UserData, 'erase' | 'eraseBatch'>;
  readonly events: Events;
  readonly clock: Clock;
  readonly log: Pick<Log, 'info'>;
}

/**
 * Nothing of the user is left but what stops tokens that have not expired. One transaction, as long as a batch of each kind is
 * all there is. Of more, the user is marked first, so that nothing is erased and then kept after all; whatever cuts the
 * batches off, the same call again, or `finishDeletions`, goes on.
 */
export function createDeleteUser(dependencies: DeleteDependencies): UserService['delete'] {
  const { users, sessions, revocations, userData, events, clock, log } = dependencies;

  /** Nobody signs in from here on. Undefined when the row is gone; throws `users:last-superuser`. */
  const retire = async (
    id: string,
    isMarked: boolean,
    transaction: Transaction,
    deny: Deny,
  ): Promise<DataSubject | undefined> => {
    const at = new Date(clock.now());
    const retired = await users.retire(id, { at, isMarked }, transaction);
    if (retired) {
      deny({ sub: id, rolesVersion: retired.roles_ver });
      return { id, email: retired.email };
    }
    if (await users.findById(id, transaction)) throw problems.lastSuperuser();
    return undefined;
  };

  const mark = async (id: string): Promise<DataSubject | undefined> => {
    const user = await revocations.transaction((transaction, deny) =>
      retire(id, true, transaction, deny),
    );
    log.info({ event: 'user.deletion_begun', sub: id }, 'a user is being deleted in batches');
    return user;
  };

  /** The lock has one batch at a time erased, whoever else deletes the user: what a batch does not find is not there. */
  const eraseInBatches = (user: DataSubject): Promise<number> =>
    inBatches((size) =>
      users.transaction(async (transaction) => {
        const isThere = await users.lock(user.id, transaction);
        return isThere && (await userData.eraseBatch(user, transaction)) ? size : 0;
      }),
    );

  return async (id) => {
    if (!(await users.findById(id))) throw problems.notFound();
    let user: DataSubject | undefined;
    let isMarked = false;
    await sessions.endAll(id, 'user deleted', {
      async alongside(transaction, deny) {
        user = await retire(id, false, transaction, deny);
        // Marked by this call and gone: somebody else has gone on with it, and was faster.
        if (!user && !isMarked) throw problems.notFound();
      },
      async inBatches(endThem) {
        const marked = await mark(id);
        isMarked = true;
        await endThem();
        if (marked) await eraseInBatches(marked);
      },
      async afterwards(transaction) {
        if (!user) return;
        await userData.erase(user, transaction);
        await users.delete(id, transaction);
      },
    });
    if (user) events.emit(UserDeleted, { userId: id });
  };
}
