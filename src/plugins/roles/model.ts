import { DataTypes, type Model, UniqueConstraintError } from 'sequelize';
import type { Database, Transaction } from '../../kernel/store.ts';
import { type Role, SUPERUSER } from './contract.ts';

interface RoleRow {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** What a token says of its user's roles. */
export interface RoleClaims {
  readonly roles: readonly string[];
  readonly roles_ver: number;
}

const CREATE_IF_MISSING = {
  name: 'roles-create-if-missing',
  text: `INSERT INTO roles (id, name, description, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $4) ON CONFLICT (name) DO NOTHING`,
};
const UNVERIFIED_SUPERUSERS = {
  name: 'roles-unverified-superusers',
  text: `SELECT users.id FROM users JOIN user_roles ON user_id = users.id JOIN roles ON role_id = roles.id
    WHERE roles.name = $1 AND NOT email_verified AND disabled_at IS NULL ORDER BY users.id LIMIT 20`,
};
// No row for an unknown user either: the caller tells the two apart.
const GRANT = {
  name: 'user-roles-grant',
  text: `INSERT INTO user_roles (user_id, role_id, created_at)
    SELECT id, $2, $3 FROM users WHERE id = $1
    ON CONFLICT DO NOTHING RETURNING role_id`,
};
const REVOKE = {
  name: 'user-roles-revoke',
  text: 'DELETE FROM user_roles WHERE user_id = $1 AND role_id = $2 RETURNING role_id',
};
// Before any row of `user_roles`, as whoever deletes the user does: so neither waits in a circle.
const LOCK_USER = {
  name: 'roles-lock-user',
  text: 'SELECT FROM users WHERE id = $1 FOR NO KEY UPDATE',
};
// In one order everywhere, so that two deletions do not wait for each other's users.
const LOCK_HOLDERS = {
  name: 'user-roles-lock-holders',
  text: `SELECT user_id FROM user_roles JOIN users ON users.id = user_id
    WHERE role_id = $1 AND user_id > $2 ORDER BY user_id LIMIT $3 FOR NO KEY UPDATE OF users`,
};
const TAKE = {
  name: 'user-roles-take',
  text: 'DELETE FROM user_roles WHERE role_id = $1 AND user_id = ANY($2::uuid[])',
};
// The other rows of `user_roles` would go with it, in one statement and without their tokens being denied.
const DELETE_UNHELD = {
  name: 'roles-delete-unheld',
  text: `DELETE FROM roles WHERE id = $1 AND NOT EXISTS (SELECT FROM user_roles WHERE role_id = $1)
    RETURNING id`,
};
const LOCK = {
  name: 'roles-lock',
  text: 'SELECT id FROM roles WHERE id = $1 FOR NO KEY UPDATE',
};
const IS_LAST_SUPERUSER = {
  name: 'roles-is-last-superuser',
  text: `SELECT count(*) FILTER (WHERE users.id = $1) = 1 AND count(*) = 1 AS is_last
    FROM user_roles JOIN roles ON roles.id = role_id JOIN users ON users.id = user_id
    WHERE roles.name = $2 AND users.disabled_at IS NULL`,
};
const NAMES_OF = {
  name: 'roles-names-of',
  text: `SELECT roles.name FROM user_roles JOIN roles ON roles.id = role_id
    WHERE user_id = $1 ORDER BY roles.name`,
};
const LIST_OF = {
  name: 'roles-list-of',
  text: `SELECT roles.* FROM user_roles JOIN roles ON roles.id = role_id
    WHERE user_id = $1 ORDER BY roles.name`,
};
const NAMES_OF_ALL = {
  name: 'roles-names-of-all',
  text: `SELECT user_id, array_agg(roles.name ORDER BY roles.name) AS names
    FROM user_roles JOIN roles ON roles.id = role_id
    WHERE user_id = ANY($1::uuid[]) GROUP BY user_id`,
};
const EXPORT = {
  name: 'user-roles-export',
  text: `SELECT roles.name, roles.description, user_roles.created_at AS granted_at
    FROM user_roles JOIN roles ON roles.id = role_id WHERE user_id = $1 ORDER BY roles.name`,
};
const ERASE = { name: 'user-roles-erase', text: 'DELETE FROM user_roles WHERE user_id = $1' };
const HAS = {
  name: 'roles-has',
  text: `SELECT FROM user_roles JOIN roles ON roles.id = role_id JOIN users ON users.id = user_id
    WHERE user_id = $1 AND roles.name = $2 AND users.disabled_at IS NULL`,
};
const CLAIMS = {
  name: 'roles-claims',
  text: `SELECT roles_ver, ARRAY(SELECT roles.name FROM user_roles JOIN roles ON roles.id = role_id
      WHERE user_id = users.id ORDER BY roles.name) AS roles
    FROM users WHERE id = $1 AND disabled_at IS NULL`,
};

// A name has no character that JSON or UTF-8 would write longer; quotation marks and a comma come to each.
const HOLDERS_OF_MORE = {
  name: 'user-roles-holders-of-more',
  text: `SELECT users.id FROM user_roles JOIN roles ON roles.id = role_id JOIN users ON users.id = user_id
    WHERE disabled_at IS NULL GROUP BY users.id HAVING sum(length(roles.name) + 3) - 1 > $1 ORDER BY users.id LIMIT 20`,
};

/** Below every other id. */
const FIRST_ID = '00000000-0000-0000-0000-000000000000';

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** By the constraint: Sequelize reads `fields` from a message, which lc_messages translates. */
const isOfName = ({ original }: UniqueConstraintError): boolean =>
  'constraint' in original && original.constraint === 'roles_name_key';

export type RoleModel = ReturnType<typeof createRoleModel>;

/** Tables `roles` and `user_roles`. An id that is no UUID is one of nobody. */
export const createRoleModel = (db: Database) => ({ ...roleTable(db), ...userRoleTable(db) });

function roleTable(db: Database) {
  const Roles = db.orm.define<Model<RoleRow, RoleRow>>('Role', ATTRIBUTES, {
    tableName: 'roles',
    timestamps: false,
  });

  return {
    /** Undefined when the name is taken. */
    async insert(role: Role): Promise<Role | undefined> {
      const { createdAt: at, ...rest } = role;
      try {
        return toRole((await Roles.create({ ...rest, created_at: at, updated_at: at })).get());
      } catch (error) {
        if (error instanceof UniqueConstraintError && isOfName(error)) return undefined;
        throw error;
      }
    },

    async createIfMissing({ id, name, description, createdAt }: Role): Promise<void> {
      await db.query(CREATE_IF_MISSING, [id, name, description, createdAt]);
    },

    async list(): Promise<Role[]> {
      const rows = await Roles.findAll({ order: ['name'] });
      return rows.map((row) => toRole(row.get()));
    },

    async findByName(name: string): Promise<Role | undefined> {
      const row = await Roles.findOne({ where: { name } });
      return row ? toRole(row.get()) : undefined;
    },

    async findById(id: string): Promise<Role | undefined> {
      const row = UUID.test(id) ? await Roles.findByPk(id) : null;
      return row ? toRole(row.get()) : undefined;
    },

    /** Undefined when there is no such role. */
    async describe(id: string, description: string, at: Date): Promise<Role | undefined> {
      if (!UUID.test(id)) return undefined;
      const values = { description, updated_at: at };
      const [, rows] = await Roles.update(values, { where: { id }, returning: true });
      return rows[0] && toRole(rows[0].get());
    },

    /**
     * Lets one transaction at a time change who has the role; `users` locks the row of `superuser` to disable somebody.
     * False when the role is gone. Come before every other lock, so that nobody waits in a circle.
     */
    async lock(id: string, transaction: Transaction): Promise<boolean> {
      return (await db.query(LOCK, [id], transaction)).length === 1;
    },

    /** False when somebody still has it. */
    async deleteUnheld(id: string, transaction: Transaction): Promise<boolean> {
      return (await db.query(DELETE_UNHELD, [id], transaction)).length === 1;
    },
  };
}

function userRoleTable(db: Database) {
  return {
    /**
     * Takes it from the first `size` holders whose ids come after this one, who stay as they are until the transaction
     * ends. Their ids, ascending; fewer than `size` when there are no more of them. Means something only under `lock`.
     */
    async takeFromHolders(
      id: string,
      { after = FIRST_ID, size }: { readonly after: string | undefined; readonly size: number },
      transaction: Transaction,
    ): Promise<readonly string[]> {
      const rows = await db.query<{ user_id: string }>(
        LOCK_HOLDERS,
        [id, after, size],
        transaction,
      );
      const ids = rows.map(({ user_id }) => user_id);
      if (ids.length > 0) await db.query(TAKE, [id, ids], transaction);
      return ids;
    },

    /** Keeps the user as they are until the transaction ends; false when there is nobody. */
    async lockUser(userId: string, transaction: Transaction): Promise<boolean> {
      return UUID.test(userId) && (await db.query(LOCK_USER, [userId], transaction)).length === 1;
    },

    /** Ids of active superusers whose address nobody has verified; the first 20. */
    unverifiedSuperusers: async (): Promise<readonly string[]> =>
      (await db.query<{ id: string }>(UNVERIFIED_SUPERUSERS, [SUPERUSER])).map(({ id }) => id),

    /** True when this user alone is an active superuser. Means something only under `lock`. */
    async isLastSuperuser(userId: string, transaction: Transaction): Promise<boolean> {
      if (!UUID.test(userId)) return false;
      const values = [userId, SUPERUSER];
      const rows = await db.query<{ is_last: boolean }>(IS_LAST_SUPERUSER, values, transaction);
      return rows[0]?.is_last === true;
    },

    /** False when nothing changed: the user has it already, or there is no such user. */
    async grant(userId: string, roleId: string, at: Date, transaction: Transaction) {
      if (!UUID.test(userId)) return false;
      return (await db.query(GRANT, [userId, roleId, at], transaction)).length === 1;
    },

    /** False when nothing changed. */
    async revoke(userId: string, roleId: string, transaction: Transaction): Promise<boolean> {
      if (!UUID.test(userId)) return false;
      return (await db.query(REVOKE, [userId, roleId], transaction)).length === 1;
    },

    async namesOf(userId: string, transaction?: Transaction): Promise<readonly string[]> {
      if (!UUID.test(userId)) return [];
      const rows = await db.query<{ name: string }>(NAMES_OF, [userId], transaction);
      return rows.map(({ name }) => name);
    },

    /** Ids of active users whose names of roles take more bytes as JSON; the first 20. */
    holdersOfMore: async (bytes: number): Promise<readonly string[]> =>
      (await db.query<{ id: string }>(HOLDERS_OF_MORE, [bytes])).map(({ id }) => id),

    /** By user; those without a role are left out. */
    async namesOfAll(userIds: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
      const rows = await db.query<{ user_id: string; names: string[] }>(NAMES_OF_ALL, [userIds]);
      return new Map(rows.map(({ user_id, names }) => [user_id, names]));
    },

    exportUser: (userId: string): Promise<object[]> => db.query(EXPORT, [userId]),

    async eraseUser(userId: string, transaction: Transaction): Promise<void> {
      await db.query(ERASE, [userId], transaction);
    },

    async listOf(userId: string): Promise<readonly Role[]> {
      if (!UUID.test(userId)) return [];
      return (await db.query<RoleRow>(LIST_OF, [userId])).map(toRole);
    },

    async has(userId: string, roleName: string): Promise<boolean> {
      return UUID.test(userId) && (await db.query(HAS, [userId, roleName])).length === 1;
    },

    /** Undefined for unknown and disabled users. */
    async claims(userId: string): Promise<RoleClaims | undefined> {
      return UUID.test(userId) ? (await db.query<RoleClaims>(CLAIMS, [userId]))[0] : undefined;
    },
  };
}

const ATTRIBUTES = {
  id: { type: DataTypes.UUID, primaryKey: true },
  name: DataTypes.TEXT,
  description: DataTypes.TEXT,
  created_at: DataTypes.DATE,
  updated_at: DataTypes.DATE,
};

const toRole = ({ id, name, description, created_at }: RoleRow): Role => ({
  id,
  name,
  description,
  createdAt: created_at,
});
