import type { Clock } from '../../../kernel/clock.ts';
import type { Events } from '../../../kernel/events.ts';
import type { SessionService } from '../../sessions/contract.ts';
import { type User, UserDisabled, UserEnabled, type UserService } from '../contract.ts';
import type { UserModel } from '../model.ts';
import { problems } from '../problems.ts';
import { toUser } from '../to-user.ts';

export interface DisableDependencies {
  readonly users: UserModel;
  readonly sessions: Pick<SessionService, 'endAll'>;
  readonly events: Events;
  readonly clock: Clock;
}

export function createDisableUser(
  dependencies: DisableDependencies,
): Pick<UserService, 'disable' | 'enable'> {
  const { users, sessions, events, clock } = dependencies;

  const load = async (id: string): Promise<User> => {
    const row = await users.findById(id);
    if (!row) throw problems.notFound();
    return toUser(row);
  };

  return {
    async disable(id) {
      // Also when disabled already: whatever is left of its sessions ends.
      await load(id);
      let disabled = false;
      await sessions.endAll(id, 'user disabled', {
        alongside: async (transaction, deny) => {
          const rolesVersion = await users.disable(id, new Date(clock.now()), transaction);
          disabled = rolesVersion !== undefined;
          if (rolesVersion !== undefined) return deny({ sub: id, rolesVersion });
          const row = await users.findById(id, transaction);
          if (!row) throw problems.notFound();
          if (!row.disabled_at) throw problems.lastSuperuser();
        },
      });
      if (disabled) events.emit(UserDisabled, { userId: id });
      return load(id);
    },

    async enable(id) {
      const enabled = await users.enable(id, new Date(clock.now()));
      const user = await load(id);
      if (user.deletingAt) throw problems.beingDeleted();
      if (enabled) events.emit(UserEnabled, { userId: id });
      return user;
    },
  };
}
