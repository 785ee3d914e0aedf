import { defineEvent } from '../../kernel/events.ts';
import { defineService } from '../../kernel/service.ts';

export interface Role {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly createdAt: Date;
}

/** The role that opens `/users` and `/roles`. */
export const SUPERUSER = 'superuser';

export interface RoleService {
  /** Throws `roles:name-taken`, and `roles:invalid-name` also for one that no access token has room for. */
  create(role: { readonly name: string; readonly description?: string | undefined }): Promise<Role>;
  list(): Promise<readonly Role[]>;
  find(id: string): Promise<Role | undefined>;
  findByName(name: string): Promise<Role | undefined>;
  /** A name never changes: tokens, APIs and people know the role by it. Throws `roles:not-found`. */
  describe(id: string, description: string): Promise<Role>;
  /**
   * Takes it from everybody who has it, a batch at a time; what was cut off is finished by the next call. Throws
   * `roles:not-found`, also when somebody else finished first, and `roles:protected` for `superuser`.
   */
  delete(id: string): Promise<void>;
  /**
   * False when the user has it already. Throws `roles:not-found`, `users:not-found`, and `roles:no-room` when the access token
   * of a REST login would be too long for its cookie, by what plugins say of the user now.
   */
  grant(userId: string, roleName: string): Promise<boolean>;
  /** Throws `roles:no-room` as `grant` would now, for those who change more than the role. */
  checkRoom(userId: string, roleName: string): Promise<void>;
  /** False when the user does not have it. Throws as `grant`, and `roles:last-superuser` for the last active one. */
  revoke(userId: string, roleName: string): Promise<boolean>;
  /** By name, ascending. */
  listOf(userId: string): Promise<readonly Role[]>;
  namesOf(userId: string): Promise<readonly string[]>;
  /** Of each of these users who has a role. */
  namesOfAll(userIds: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>>;
  /** Reads the database: true when an active user holds the role now. */
  has(userId: string, roleName: string): Promise<boolean>;
}

export const Roles = defineService<RoleService>('roles');

export const RoleGranted = defineEvent<{ userId: string; role: string }>('role.granted');
export const RoleRevoked = defineEvent<{ userId: string; role: string }>('role.revoked');
