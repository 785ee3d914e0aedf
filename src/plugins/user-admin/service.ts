import type { Log } from '../../kernel/plugin.ts';
import type { RoleService } from '../roles/contract.ts';
import { type User, type UserService, userProblems } from '../users/contract.ts';
import type { Cursors } from './cursor.ts';
import { problems } from './problems.ts';

interface Dependencies {
  readonly users: Pick<UserService, 'list' | 'find' | 'disable' | 'enable' | 'delete'>;
  readonly roles: Pick<RoleService, 'namesOf' | 'namesOfAll'>;
  readonly cursors: Cursors;
  readonly log: Log;
}

export interface UserWithRoles {
  readonly user: User;
  readonly roles: readonly string[];
}

export type UserAdmin = ReturnType<typeof createUserAdmin>;

/** What superusers do with users. Each change is logged with who made it, to whom, and what was before (SEC-82). */
export function createUserAdmin({ users, roles, cursors, log }: Dependencies) {
  const withRoles = async (user: User): Promise<UserWithRoles> => ({
    user,
    roles: await roles.namesOf(user.id),
  });

  const find = async (id: string): Promise<User> => {
    const user = await users.find(id);
    if (!user) throw userProblems.notFound();
    return user;
  };

  /** Who could end their own rights by mistake, or by a forged request, could leave the service without an admin. */
  const refuseOwn = (actor: string, target: string): void => {
    if (actor === target) throw problems.ownAccount();
  };

  const record = (action: string, actor: string, target: string, diff: object): void =>
    log.info({ event: `admin.${action}`, actor, target, diff }, 'a superuser changed a user');

  return {
    find: async (id: string): Promise<UserWithRoles> => withRoles(await find(id)),

    /** By e-mail. Throws `user-admin:invalid-cursor`. */
    async list(search: { query: string; cursor?: string | undefined; limit: number }) {
      const { query, cursor, limit } = search;
      const after = cursor === undefined ? undefined : cursors.decode(query, cursor);
      const found = await users.list({ query, after, limit: limit + 1 });
      const page = found.slice(0, limit);
      const names = await roles.namesOfAll(page.map(({ id }) => id));
      const last = found.length > limit ? page.at(-1) : undefined;
      return {
        users: page.map((user): UserWithRoles => ({ user, roles: names.get(user.id) ?? [] })),
        next: last ? cursors.encode(query, last.email) : null,
      };
    },

    /** Idempotent. Throws `users:not-found`, `users:last-superuser`, `users:being-deleted`, `user-admin:own-account`. */
    async setDisabled(actor: string, id: string, disabled: boolean): Promise<UserWithRoles> {
      refuseOwn(actor, id);
      const before = (await find(id)).disabledAt !== null;
      const user = await (disabled ? users.disable(id) : users.enable(id));
      const diff = before === disabled ? {} : { disabled: { from: before, to: disabled } };
      record(disabled ? 'user_disabled' : 'user_enabled', actor, id, diff);
      return withRoles(user);
    },

    /** Throws as `setDisabled`. */
    async delete(actor: string, id: string): Promise<void> {
      refuseOwn(actor, id);
      const { user, roles: held } = await withRoles(await find(id));
      await users.delete(id);
      const disabled = user.disabledAt !== null;
      record('user_deleted', actor, id, { from: { roles: held, disabled }, to: null });
    },
  };
}
