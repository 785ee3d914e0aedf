import type { Clock } from '../../../kernel/clock.ts';
import type { Events } from '../../../kernel/events.ts';
import { inBatches } from '../../../kernel/in-batches.ts';
import type { Transaction } from '../../../kernel/store.ts';
import type { RevocationService } from '../../revocations/contract.ts';
import { type UserService, userProblems } from '../../users/contract.ts';
import { type Role, RoleGranted, RoleRevoked, type RoleService, SUPERUSER } from '../contract.ts';
import type { RoleModel } from '../model.ts';
import { problems } from '../problems.ts';
import { isRoleName } from '../role-name.ts';
import { type Room, whyTooMany } from '../room.ts';

export interface HolderDependencies {
  readonly roles: RoleModel;
  readonly users: Pick<UserService, 'bumpRolesVersion' | 'bumpRolesVersions' | 'find'>;
  readonly revocations: Pick<RevocationService, 'transaction'>;
  readonly events: Events;
  readonly clock: Clock;
  readonly room: Room;
}

/** Who has which role, and the end of a role for all who have it. */
export function createRoleHolders(
  dependencies: HolderDependencies & { readonly ensureSuperuser: () => Promise<void> },
): Pick<RoleService, 'grant' | 'checkRoom' | 'revoke' | 'delete'> {
  const { roles, users, revocations, events, clock, room, ensureSuperuser } = dependencies;

  const load = async (name: string): Promise<Role> => {
    const role = isRoleName(name) ? await roles.findByName(name) : undefined;
    if (!role) throw problems.notFound();
    return role;
  };

  /** Changes who has a role. True when it did; tokens with the roles of before are then refused. */
  const changeHolders = (
    { id }: Role,
    userId: string,
    change: (transaction: Transaction) => Promise<boolean>,
  ): Promise<boolean> =>
    revocations.transaction(async (transaction, deny) => {
      if (!(await roles.lock(id, transaction))) throw problems.notFound();
      const isKnown = await roles.lockUser(userId, transaction);
      if (isKnown && !(await change(transaction))) return false;
      // Throws `users:not-found` when there is nobody.
      deny({ sub: userId, rolesVersion: await users.bumpRolesVersion(userId, transaction) });
      return true;
    });

  /**
   * Takes a role from a batch of its holders, and deletes it when nobody has it any more. Their sign-ins wait for this
   * transaction alone. Where one is the last, the role is still there: deleting it again goes on.
   */
  const takeBatch = (id: string, batch: Parameters<RoleModel['takeFromHolders']>[1]) =>
    revocations.transaction(async (transaction, deny) => {
      if (!(await roles.lock(id, transaction))) throw problems.notFound();
      const holders = await roles.takeFromHolders(id, batch, transaction);
      const versions =
        holders.length > 0 ? await users.bumpRolesVersions(holders, transaction) : [];
      for (const { id: sub, version } of versions) deny({ sub, rolesVersion: version });
      const isLast = holders.length < batch.size;
      return { holders, isGone: isLast && (await roles.deleteUnheld(id, transaction)) };
    });

  return {
    async delete(id) {
      const role = await roles.findById(id);
      if (!role) throw problems.notFound();
      if (role.name === SUPERUSER) throw problems.protected();
      let after: string | undefined;
      await inBatches(async (size) => {
        const { holders, isGone } = await takeBatch(id, { after, size });
        for (const userId of holders) events.emit(RoleRevoked, { userId, role: role.name });
        // Whoever was given it behind our back has it still: from the beginning.
        after = holders.length < size ? undefined : holders.at(-1);
        return isGone ? holders.length : size;
      });
    },

    async grant(userId, roleName) {
      if (roleName === SUPERUSER) await ensureSuperuser();
      const role = await load(roleName);
      if (!(await users.find(userId))) throw userProblems.notFound();
      // Asked outside: a plugin may need a connection of its own for it.
      const most = await room(userId);
      const changed = await changeHolders(role, userId, async (transaction) => {
        const isNew = await roles.grant(userId, role.id, new Date(clock.now()), transaction);
        const tooMany = isNew && whyTooMany(await roles.namesOf(userId, transaction), most);
        if (tooMany) throw tooMany;
        return isNew;
      });
      if (changed) events.emit(RoleGranted, { userId, role: roleName });
      return changed;
    },

    async checkRoom(userId, roleName) {
      const names = await roles.namesOf(userId);
      if (names.includes(roleName)) return;
      const tooMany = whyTooMany([...names, roleName], await room(userId));
      if (tooMany) throw tooMany;
    },

    async revoke(userId, roleName) {
      const role = await load(roleName);
      const changed = await changeHolders(role, userId, async (transaction) => {
        if (roleName === SUPERUSER && (await roles.isLastSuperuser(userId, transaction))) {
          throw problems.lastSuperuser();
        }
        return roles.revoke(userId, role.id, transaction);
      });
      if (changed) events.emit(RoleRevoked, { userId, role: roleName });
      return changed;
    },
  };
}
