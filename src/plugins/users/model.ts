import { DataTypes, type Model } from 'sequelize';
import type { Database, Transaction } from '../../kernel/store.ts';
import { SUPERUSER } from '../roles/contract.ts';
import type { RolesVersion } from './contract.ts';

/** A row of `users`. */
export interface UserRow {
  readonly id: string;
  readonly email: string;
  /** In lower case: unique, and what versions before 2.2 know users by. */
  readonly email_canonical: string;
  /** The same for all spellings of one address: unique. Null where `email_canonical` is that, or another account has it. */
  readonly email_key: string | null;
  readonly email_verified: boolean;
  /** PHC string with the pepper's id in front; null without a password. */
  readonly password_hash: string | null;
  readonly name: string | null;
  readonly locale: string | null;
  readonly roles_ver: number;
  /** Grows with each change of password or address. */
  readonly credentials_ver: number;
  readonly disabled_at: Date | null;
  /** When a deletion began that takes several batches. */
  readonly deleting_at: Date | null;
  readonly created_at: Date;
  readonly updated_at: Date;
}

export type NewUserRow = Omit<
  UserRow,
  'roles_ver' | 'credentials_ver' | 'disabled_at' | 'deleting_at'
>;

/** How a user was when something was decided that may be done later. */
export interface KnownState {
  readonly emailCanonical: string;
  readonly rolesVersion: number;
}

type Versions = Pick<UserRow, 'roles_ver' | 'credentials_ver'>;
type Retired = Pick<UserRow, 'roles_ver' | 'email'>;

/** An address as it is looked for. */
export interface SoughtEmail {
  readonly canonical: string;
  readonly key: string;
}

/** Lower-case texts to look for; an empty one is in all. */
export interface UserSearch {
  /** Any of them. */
  readonly email: readonly string[];
  readonly name: string;
  /** Canonical address of the last one that is not wanted any more; empty for none. */
  readonly after: string;
  readonly limit: number;
}

export type ProfileChanges = { -readonly [key in 'name' | 'locale']?: UserRow[key] };

const COLUMNS =
  'id, email, email_canonical, email_key, email_verified, password_hash, name, locale, roles_ver, credentials_ver, disabled_at, deleting_at, created_at, updated_at';

const BY_ID = {
  name: 'users-by-id',
  text: `SELECT ${COLUMNS} FROM users WHERE id = $1`,
};
const HAS_PASSWORD = {
  name: 'users-has-password',
  text: 'SELECT id FROM users WHERE id = $1 AND password_hash IS NOT NULL',
};
// Waits for whoever is changing the user's ways to sign in, and keeps others waiting.
const LOCK_PASSWORD = {
  name: 'users-lock-password',
  text: 'SELECT password_hash IS NOT NULL AS has FROM users WHERE id = $1 FOR NO KEY UPDATE',
};
/** What the unique index `users_email_key` is on. */
const KEY = 'coalesce(email_key, email_canonical)';
// Of two accounts that share an address from before, the one that is written so.
const BY_EMAIL = {
  name: 'users-by-email',
  text: `SELECT ${COLUMNS} FROM users WHERE email_canonical = $1 OR ${KEY} = $2
    ORDER BY email_canonical = $1 DESC LIMIT 1`,
};
/** Those whose key is not what `email_canonical` says: the condition of the index `users_email_unkeyed` and of the trigger. */
const UNKEYED = `email_key IS NULL
    AND (octet_length(email_canonical) <> char_length(email_canonical) OR strpos(email_canonical, 'xn--') > 0)`;
const LIST_UNKEYED = {
  name: 'users-list-unkeyed',
  text: `SELECT id, email FROM users WHERE ${UNKEYED} AND id > $1 ORDER BY id LIMIT $2`,
};
const SET_KEY = {
  name: 'users-set-key',
  text: 'UPDATE users SET email_key = $3 WHERE id = $1 AND email = $2 AND email_key IS NULL',
};
// `strpos` knows no wildcards.
const LIST = {
  name: 'users-list',
  text: `SELECT ${COLUMNS} FROM users WHERE email_canonical > $3
      AND (strpos(lower(name), $2) > 0 OR EXISTS (SELECT FROM unnest($1::text[]) AS part
        WHERE strpos(email_canonical, part) > 0 OR strpos(email_key, part) > 0))
    ORDER BY email_canonical LIMIT $4`,
};
// Waits for whoever is about to take the address, so that exactly one gets it and no transaction fails.
const INSERT = {
  name: 'users-insert',
  text: `INSERT INTO users (id, email, email_canonical, email_key, email_verified, password_hash, name, locale, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT DO NOTHING RETURNING ${COLUMNS}`,
};
const VERIFY_EMAIL = {
  name: 'users-verify-email',
  text: `UPDATE users SET email_verified = true, updated_at = $3
    WHERE id = $1 AND email_canonical = $2 AND disabled_at IS NULL RETURNING id`,
};
// `roles_ver` grows with every change of password, address, roles and status: what was decided before is not done after.
const SET_EMAIL = {
  name: 'users-set-email',
  text: `UPDATE users SET email = $4, email_canonical = $5, email_verified = $6, updated_at = $7, email_key = $8,
      roles_ver = roles_ver + 1, credentials_ver = credentials_ver + 1
    WHERE id = $1 AND email_canonical = $2 AND roles_ver = $3 AND disabled_at IS NULL
    RETURNING roles_ver, credentials_ver`,
};
const RESET_PASSWORD = {
  name: 'users-reset-password',
  text: `UPDATE users SET password_hash = $4, email_verified = true, updated_at = $5,
      roles_ver = roles_ver + 1, credentials_ver = credentials_ver + 1
    WHERE id = $1 AND email_canonical = $2 AND roles_ver = $3 AND disabled_at IS NULL
    RETURNING roles_ver`,
};
// From one entry of the index `users_hash_parameters` to the next that differs, however many users have either.
const NEXT_PARAMETERS = `SELECT min(split_part(password_hash, '$', 4)) FROM users WHERE password_hash IS NOT NULL`;
const HASH_PARAMETERS = {
  name: 'users-hash-parameters',
  text: `WITH RECURSIVE found(parameters) AS (
      (${NEXT_PARAMETERS})
      UNION ALL
      SELECT (${NEXT_PARAMETERS} AND split_part(password_hash, '$', 4) > found.parameters)
      FROM found WHERE parameters IS NOT NULL)
    SELECT parameters FROM found WHERE parameters IS NOT NULL`,
};
// Compare and set: a password changed meanwhile stays changed.
const REPLACE_HASH = {
  name: 'users-replace-hash',
  text: 'UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2',
};
const SET_PASSWORD = {
  name: 'users-set-password',
  text: `UPDATE users SET password_hash = $3, updated_at = $4, roles_ver = roles_ver + 1,
      credentials_ver = credentials_ver + 1
    WHERE id = $1 AND password_hash = $2 RETURNING roles_ver, credentials_ver`,
};
const OVERWRITE_PASSWORD = {
  name: 'users-overwrite-password',
  text: `UPDATE users SET password_hash = $2, updated_at = $3, roles_ver = roles_ver + 1,
      credentials_ver = credentials_ver + 1
    WHERE id = $1 RETURNING roles_ver`,
};
const BUMP_ROLES_VERSION = {
  name: 'users-bump-roles-version',
  text: 'UPDATE users SET roles_ver = roles_ver + 1 WHERE id = $1 RETURNING roles_ver',
};
const BUMP_ROLES_VERSIONS = {
  name: 'users-bump-roles-versions',
  text: `UPDATE users SET roles_ver = roles_ver + 1 WHERE id = ANY($1::uuid[])
    RETURNING id, roles_ver AS version`,
};
// The same row that `roles` locks to take the role away: demotions, disablings and deletions go one after another.
const LOCK_SUPERUSERS = {
  name: 'users-lock-superusers',
  text: 'SELECT id FROM roles WHERE name = $1 FOR NO KEY UPDATE',
};
// Reads the tables of `roles`, which depends on this plugin and so cannot be asked. A statement of its own:
// its snapshot is taken once the lock is held, so it sees what the holder before did.
const CAN_BE_SPARED = `(
      NOT EXISTS (SELECT FROM user_roles JOIN roles ON roles.id = role_id
        WHERE roles.name = $3 AND user_id = $1)
      OR EXISTS (SELECT FROM user_roles JOIN roles ON roles.id = role_id
        JOIN users AS other ON other.id = user_id
        WHERE roles.name = $3 AND other.id <> $1 AND other.disabled_at IS NULL))`;
const DISABLE = {
  name: 'users-disable',
  text: `UPDATE users SET disabled_at = $2, updated_at = $2, roles_ver = roles_ver + 1
    WHERE id = $1 AND disabled_at IS NULL AND ${CAN_BE_SPARED} RETURNING roles_ver`,
};
// From here on nobody signs in: what the user has can be deleted. `deleting_at` is PostgreSQL's time, by which it is looked for:
// the deletion that a node with a fast clock begins is finished as any other.
const RETIRE = {
  name: 'users-retire',
  text: `UPDATE users SET disabled_at = coalesce(disabled_at, $2), roles_ver = roles_ver + 1,
      deleting_at = CASE WHEN $4 THEN coalesce(deleting_at, now()) ELSE deleting_at END
    WHERE id = $1 AND (disabled_at IS NOT NULL OR ${CAN_BE_SPARED}) RETURNING roles_ver, email`,
};
const LOCK = {
  name: 'users-lock',
  text: 'SELECT id FROM users WHERE id = $1 FOR NO KEY UPDATE',
};
const BEING_DELETED = {
  name: 'users-being-deleted',
  text: `SELECT id FROM users WHERE deleting_at <= now() - make_interval(secs => $1) ORDER BY deleting_at LIMIT $2`,
};
const DELETE = { name: 'users-delete', text: 'DELETE FROM users WHERE id = $1' };
const ENABLE = {
  name: 'users-enable',
  text: `UPDATE users SET disabled_at = NULL, updated_at = $2, roles_ver = roles_ver + 1
    WHERE id = $1 AND disabled_at IS NOT NULL AND deleting_at IS NULL RETURNING id`,
};

/** SQLSTATE `unique_violation`. */
const UNIQUE_VIOLATION = '23505';

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

export type UserModel = ReturnType<typeof createUserModel>;

/** Table `users`. An id that is no UUID is one of nobody. */
export function createUserModel(db: Database) {
  const User = db.orm.define<Model<UserRow>>('User', ATTRIBUTES, {
    tableName: 'users',
    timestamps: false,
  });

  const findById = async (id: string, transaction?: Transaction): Promise<UserRow | undefined> =>
    UUID.test(id) ? (await db.query<UserRow>(BY_ID, [id], transaction))[0] : undefined;

  return {
    findById,

    /** With a transaction, the row is locked until that ends. */
    async hasPassword(id: string, transaction?: Transaction): Promise<boolean> {
      if (!UUID.test(id)) return false;
      if (!transaction) return (await db.query(HAS_PASSWORD, [id])).length > 0;
      const [row] = await db.query<{ has: boolean }>(LOCK_PASSWORD, [id], transaction);
      return row?.has ?? false;
    },

    async findByEmail({ canonical, key }: SoughtEmail): Promise<UserRow | undefined> {
      return (await db.query<UserRow>(BY_EMAIL, [canonical, key]))[0];
    },

    /** Users whose key is to be written down, or is another's, after this id, by id. */
    listUnkeyed: (after: string, limit: number) =>
      db.query<Pick<UserRow, 'id' | 'email'>>(LIST_UNKEYED, [after, limit]),

    /** False when another user has it. */
    async setKey({ id, email }: Pick<UserRow, 'id' | 'email'>, key: string): Promise<boolean> {
      try {
        await db.query(SET_KEY, [id, email, key]);
        return true;
      } catch (error) {
        if ((error as { code?: unknown }).code === UNIQUE_VIOLATION) return false;
        throw error;
      }
    },

    /** In the order of addresses: those whose address or name contains the texts. */
    list: (search: UserSearch) =>
      db.query<UserRow>(LIST, [search.email, search.name, search.after, search.limit]),

    transaction: db.transaction,

    /** Undefined when somebody has the e-mail address already. */
    async insert(user: NewUserRow, transaction: Transaction): Promise<UserRow | undefined> {
      const { id, email, email_canonical, email_key, email_verified } = user;
      const address = [email, email_canonical, email_key, email_verified];
      const values = [user.password_hash, user.name, user.locale, user.created_at, user.updated_at];
      return (await db.query<UserRow>(INSERT, [id, ...address, ...values], transaction))[0];
    },

    /** False when the address is no longer the user's. */
    async verifyEmail(id: string, canonical: string, at: Date, transaction: Transaction) {
      return (await db.query(VERIFY_EMAIL, [id, canonical, at], transaction)).length === 1;
    },

    /** The new versions; undefined when the user is no longer as `from` says, `taken` when somebody has the address. */
    async setEmail(
      id: string,
      from: KnownState,
      to: Pick<
        UserRow,
        'email' | 'email_canonical' | 'email_key' | 'email_verified' | 'updated_at'
      >,
      transaction: Transaction,
    ): Promise<Versions | 'taken' | undefined> {
      const { email, email_canonical, email_verified, updated_at, email_key } = to;
      const state = [id, from.emailCanonical, from.rolesVersion];
      const values = [...state, email, email_canonical, email_verified, updated_at, email_key];
      try {
        return (await db.query<Versions>(SET_EMAIL, values, transaction))[0];
      } catch (error) {
        if ((error as { code?: unknown }).code === UNIQUE_VIOLATION) return 'taken';
        throw error;
      }
    },

    /** Proves the address as well. The new roles version; undefined when the user is no longer as `from` says. */
    async resetPassword(
      id: string,
      from: KnownState,
      { to, at }: { to: string; at: Date },
      transaction: Transaction,
    ): Promise<number | undefined> {
      const values = [id, from.emailCanonical, from.rolesVersion, to, at];
      const rows = await db.query<{ roles_ver: number }>(RESET_PASSWORD, values, transaction);
      return rows[0]?.roles_ver;
    },

    /** Undefined when there is no such user. */
    async update(id: string, changes: ProfileChanges, at: Date): Promise<UserRow | undefined> {
      if (!UUID.test(id)) return undefined;
      const values = { ...changes, updated_at: at };
      const [, rows] = await User.update(values, { where: { id }, returning: true });
      return rows[0]?.get({ plain: true });
    },

    /** Parameters of all stored hashes, as in their PHC strings: each once. */
    async hashParameters(): Promise<readonly string[]> {
      const rows = await db.query<{ parameters: string }>(HASH_PARAMETERS, []);
      return rows.map(({ parameters }) => parameters);
    },

    async replaceHash(id: string, from: string, to: string): Promise<void> {
      await db.query(REPLACE_HASH, [id, from, to]);
    },

    /** The new versions; undefined when `from` is no longer what is stored. */
    async setPassword(
      id: string,
      { from, to, at }: { from: string; to: string; at: Date },
      transaction: Transaction,
    ): Promise<Versions | undefined> {
      return (await db.query<Versions>(SET_PASSWORD, [id, from, to, at], transaction))[0];
    },

    /** Whatever is stored. The new roles version; undefined when there is no such user. */
    async overwritePassword(
      id: string,
      { to, at }: { to: string; at: Date },
      transaction: Transaction,
    ): Promise<number | undefined> {
      const values = [id, to, at];
      const rows = await db.query<{ roles_ver: number }>(OVERWRITE_PASSWORD, values, transaction);
      return rows[0]?.roles_ver;
    },

    /** The new roles version; undefined when there is no such user. */
    async bumpRolesVersion(id: string, transaction: Transaction): Promise<number | undefined> {
      if (!UUID.test(id)) return undefined;
      const rows = await db.query<{ roles_ver: number }>(BUMP_ROLES_VERSION, [id], transaction);
      return rows[0]?.roles_ver;
    },

    bumpRolesVersions: (ids: readonly string[], transaction: Transaction) =>
      db.query<RolesVersion>(BUMP_ROLES_VERSIONS, [ids], transaction),

    /** The new roles version; undefined for unknown and disabled users, and for the last active superuser. */
    async disable(id: string, at: Date, transaction: Transaction): Promise<number | undefined> {
      await db.query(LOCK_SUPERUSERS, [SUPERUSER], transaction);
      const rows = await db.query<{ roles_ver: number }>(DISABLE, [id, at, SUPERUSER], transaction);
      return rows[0]?.roles_ver;
    },

    /** As `disable`, of disabled users as well; with the address that the user has by now. `isMarked`: is being deleted. */
    async retire(
      id: string,
      { at, isMarked }: { readonly at: Date; readonly isMarked: boolean },
      transaction: Transaction,
    ): Promise<Retired | undefined> {
      await db.query(LOCK_SUPERUSERS, [SUPERUSER], transaction);
      const values = [id, at, SUPERUSER, isMarked];
      return (await db.query<Retired>(RETIRE, values, transaction))[0];
    },

    /** Held until the transaction ends. False when there is no such user. */
    async lock(id: string, transaction: Transaction): Promise<boolean> {
      return (await db.query(LOCK, [id], transaction)).length === 1;
    },

    /** At most `limit` users whose deletion began so many seconds ago and is not through. */
    async beingDeleted(seconds: number, limit: number): Promise<string[]> {
      const rows = await db.query<{ id: string }>(BEING_DELETED, [seconds, limit]);
      return rows.map(({ id }) => id);
    },

    async delete(id: string, transaction: Transaction): Promise<void> {
      await db.query(DELETE, [id], transaction);
    },

    /** False when the user is unknown, enabled already or being deleted. */
    async enable(id: string, at: Date): Promise<boolean> {
      return UUID.test(id) && (await db.query(ENABLE, [id, at])).length === 1;
    },
  };
}

const ATTRIBUTES = {
  id: { type: DataTypes.UUID, primaryKey: true },
  email: DataTypes.TEXT,
  email_canonical: DataTypes.TEXT,
  email_key: DataTypes.TEXT,
  email_verified: DataTypes.BOOLEAN,
  password_hash: DataTypes.TEXT,
  name: DataTypes.TEXT,
  locale: DataTypes.TEXT,
  roles_ver: DataTypes.INTEGER,
  credentials_ver: DataTypes.INTEGER,
  disabled_at: DataTypes.DATE,
  deleting_at: DataTypes.DATE,
  created_at: DataTypes.DATE,
  updated_at: DataTypes.DATE,
};
