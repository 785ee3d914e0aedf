import type { Database, Transaction } from '../../kernel/store.ts';

/** A row of `identities`. */
export interface IdentityRow {
  readonly id: string;
  readonly user_id: string;
  readonly provider: string;
  readonly issuer: string;
  readonly subject: string;
  /** As it was when the identity was linked. */
  readonly email: string | null;
  /** Encrypted; null unless FEDERATION_STORE_TOKENS. */
  readonly tokens: string | null;
  readonly created_at: Date;
  readonly last_used_at: Date;
}

export type SealedTokens = Pick<IdentityRow, 'id' | 'issuer' | 'subject'> & {
  readonly tokens: string;
};

/** Below every other id. */
const FIRST_ID = '00000000-0000-0000-0000-000000000000';

const COLUMNS = 'id, user_id, provider, issuer, subject, email, tokens, created_at, last_used_at';

const FIND = {
  name: 'identities-find',
  text: `SELECT ${COLUMNS} FROM identities WHERE issuer = $1 AND subject = $2`,
};
const OF_USER = {
  name: 'identities-of-user',
  text: `SELECT ${COLUMNS} FROM identities WHERE user_id = $1 ORDER BY created_at, id`,
};
// Waits for whoever links the same identity right now.
const INSERT = {
  name: 'identities-insert',
  text: `INSERT INTO identities (${COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT DO NOTHING RETURNING id`,
};
const USED = {
  name: 'identities-used',
  text: 'UPDATE identities SET last_used_at = $2, tokens = coalesce($3, tokens) WHERE id = $1 RETURNING id',
};
// Reads the table of `users`: waits for a change of credentials under way, and keeps others waiting.
const LOCK_USER = {
  name: 'identities-lock-user',
  text: `SELECT id FROM users WHERE id = $1 AND credentials_ver = $2 AND disabled_at IS NULL
    FOR SHARE`,
};
const DELETE = {
  name: 'identities-delete',
  text: 'DELETE FROM identities WHERE id = $1 RETURNING id',
};
const EXPORT = {
  name: 'identities-export',
  text: `SELECT provider, issuer, subject, email, created_at AS linked_at, last_used_at
    FROM identities WHERE user_id = $1 ORDER BY created_at, id`,
};
const ERASE = {
  name: 'identities-erase',
  text: 'DELETE FROM identities WHERE user_id = $1',
};
// Only those that were revoked: newer ones may have come meanwhile.
const FORGET_TOKENS = {
  name: 'identities-forget-tokens',
  text: 'UPDATE identities SET tokens = NULL WHERE id = $1 AND tokens = $2',
};

const SEALED_AFTER = {
  name: 'identities-sealed-after',
  text: `SELECT id, issuer, subject, tokens FROM identities
    WHERE tokens IS NOT NULL AND id > $1 ORDER BY id LIMIT $2`,
};
const REPLACE_TOKENS = {
  name: 'identities-replace-tokens',
  text: 'UPDATE identities SET tokens = $3 WHERE id = $1 AND tokens = $2 RETURNING id',
};

export type IdentityModel = ReturnType<typeof createIdentityModel>;

/** Table `identities`, keyed by (issuer, subject); a user has one of each provider. */
export function createIdentityModel(db: Database) {
  return {
    transaction: db.transaction,

    async find(issuer: string, subject: string): Promise<IdentityRow | undefined> {
      return (await db.query<IdentityRow>(FIND, [issuer, subject]))[0];
    },

    ofUser: (userId: string, transaction?: Transaction): Promise<IdentityRow[]> =>
      db.query<IdentityRow>(OF_USER, [userId], transaction),

    /** False when the identity is linked already, or the user has another one of this provider. */
    async insert(row: IdentityRow, transaction?: Transaction): Promise<boolean> {
      const { id, user_id, provider, issuer, subject, email, tokens } = row;
      const values = [id, user_id, provider, issuer, subject, email, tokens];
      const times = [row.created_at, row.last_used_at];
      return (await db.query(INSERT, [...values, ...times], transaction)).length > 0;
    },

    /** False when it is gone by now. */
    async used(id: string, at: Date, tokens: string | undefined): Promise<boolean> {
      return (await db.query(USED, [id, at, tokens ?? null])).length > 0;
    },

    /** False when the user is gone or disabled, or has other credentials by now; else they have them until the transaction ends. */
    async lockUser(userId: string, credentialsVersion: number, transaction: Transaction) {
      return (await db.query(LOCK_USER, [userId, credentialsVersion], transaction)).length > 0;
    },

    async delete(id: string, transaction: Transaction): Promise<boolean> {
      return (await db.query(DELETE, [id], transaction)).length > 0;
    },

    exportUser: (userId: string): Promise<object[]> => db.query(EXPORT, [userId]),

    async eraseUser(userId: string, transaction: Transaction): Promise<void> {
      await db.query(ERASE, [userId], transaction);
    },

    /** Those with tokens whose ids come after this one, in order. */
    sealedAfter: (id: string | undefined, limit: number): Promise<SealedTokens[]> =>
      db.query<SealedTokens>(SEALED_AFTER, [id ?? FIRST_ID, limit]),

    /** Puts a new encryption in place of the old one; false when that is not there any more. */
    async replaceTokens(id: string, from: string, to: string): Promise<boolean> {
      return (await db.query(REPLACE_TOKENS, [id, from, to])).length > 0;
    },

    async forgetTokens(id: string, tokens: string): Promise<void> {
      await db.query(FORGET_TOKENS, [id, tokens]);
    },
  };
}
