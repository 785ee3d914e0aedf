import type { Clock } from '../../../kernel/clock.ts';
import type { Events } from '../../../kernel/events.ts';
import type { UserData } from '../../../kernel/plugin.ts';
import type { SessionService } from '../../sessions/contract.ts';
import { UserDeleted, type UserService } from '../contract.ts';
import type { UserModel } from '../model.ts';
import { problems } from '../problems.ts';

export interface DeleteDependencies {
  readonly users: UserModel;
  readonly sessions: Pick<SessionService, 'endAll'>;
  readonly userData: Pick<UserData, 'erase'>;
  readonly events: Events;
  readonly clock: Clock;
}

/** Nothing of the user is left but what stops tokens that have not expired. */
export function createDeleteUser(dependencies: DeleteDependencies): UserService['delete'] {
  const { users, sessions, userData, events, clock } = dependencies;

  return async (id) => {
    if (!(await users.findById(id))) throw problems.notFound();
    let email = '';
    await sessions.endAll(id, 'user deleted', {
      alongside: async (transaction, deny) => {
        const retired = await users.retire(id, new Date(clock.now()), transaction);
        if (!retired) {
          const isThere = await users.findById(id, transaction);
          throw isThere ? problems.lastSuperuser() : problems.notFound();
        }
        email = retired.email;
        deny({ sub: id, rolesVersion: retired.roles_ver });
      },
      afterwards: async (transaction) => {
        await userData.erase({ id, email }, transaction);
        await users.delete(id, transaction);
      },
    });
    events.emit(UserDeleted, { userId: id });
  };
}
