import { DataTypes, type Model, Op } from 'sequelize';
import { inBatches } from '../../kernel/in-batches.ts';
import type { DataSubject } from '../../kernel/plugin.ts';
import type { Database, Transaction } from '../../kernel/store.ts';
import { emailSpellings, type PreparedUser } from '../users/contract.ts';

/** What following a link does. A `decoy` does nothing: nobody has its code. */
export type Purpose = 'verify-email' | 'change-email' | 'register' | 'password-reset' | 'decoy';

/** A row of `email_links`. */
export interface LinkRow {
  readonly code_hash: string;
  readonly purpose: Purpose;
  readonly user_id: string | null;
  /** The user's address, canonical, when the link was made: it is for no other. */
  readonly email: string | null;
  readonly new_email: string | null;
  /** The key of the new address; links of versions before have its `email_canonical`. */
  readonly new_email_canonical: string | null;
  /** The user's `roles_ver` when the link was made; null where it may have grown since. */
  readonly roles_ver: number | null;
  /** `register`: the user that will be. */
  readonly payload: PreparedUser | null;
  readonly uses: number;
  readonly use_limit: number;
  readonly created_at: Date;
  readonly expires_at: Date;
  readonly used_at: Date | null;
}

export type NewLinkRow = Pick<LinkRow, 'code_hash' | 'purpose' | 'created_at' | 'expires_at'> &
  Partial<LinkRow>;

const LIVE = 'expires_at > $2 AND uses < use_limit';
const FIND = {
  name: 'email-links-find',
  text: `SELECT * FROM email_links WHERE code_hash = $1 AND ${LIVE}`,
};
// One statement decides who is first: 20 at once are one success.
const CONSUME = {
  name: 'email-links-consume',
  text: `UPDATE email_links SET uses = uses + 1, used_at = $2
    WHERE code_hash = $1 AND ${LIVE} AND purpose = $3 RETURNING code_hash`,
};
// A user who was deleted meanwhile gets none; the request is answered as ever.
const INSERT = {
  name: 'email-links-insert',
  text: `INSERT INTO email_links (code_hash, purpose, user_id, email, new_email, new_email_canonical,
      roles_ver, payload, created_at, expires_at)
    SELECT $1::text, $2::text, $3::uuid, $4::text, $5::text, $6::text, $7::integer, $8::jsonb,
      $9::timestamptz, $10::timestamptz
    WHERE $3::uuid IS NULL OR EXISTS (SELECT FROM users WHERE id = $3::uuid FOR KEY SHARE)`,
};
const SUPERSEDE = {
  name: 'email-links-supersede',
  text: 'DELETE FROM email_links WHERE user_id = $1 AND purpose = $2',
};
const CLAIMED = {
  name: 'email-links-claimed',
  text: 'DELETE FROM email_links WHERE new_email_canonical = ANY($1::text[])',
};
const EXPORT = {
  name: 'email-links-export',
  text: `SELECT purpose, email, new_email, uses, created_at, expires_at, used_at
    FROM email_links WHERE user_id = $1 OR (user_id IS NULL AND new_email_canonical = ANY($2::text[])) ORDER BY created_at`,
};
const ERASE = {
  name: 'email-links-erase',
  // Locked, so that fewer than asked for means that there are no more, whoever else deletes some of them.
  text: `WITH batch AS MATERIALIZED (SELECT code_hash FROM email_links
      WHERE user_id = $1 OR new_email_canonical = ANY($2::text[]) LIMIT $3 FOR UPDATE)
    DELETE FROM email_links WHERE code_hash = ANY(ARRAY(SELECT code_hash FROM batch)) RETURNING code_hash`,
};
const FORGET = {
  name: 'email-links-forget',
  text: `WITH batch AS MATERIALIZED (SELECT code_hash FROM email_links LIMIT $1 FOR UPDATE)
    DELETE FROM email_links USING batch WHERE email_links.code_hash = batch.code_hash RETURNING batch.code_hash`,
};
const TRY = { name: 'email-links-try', text: 'SAVEPOINT email_links' };
const KEEP = { name: 'email-links-keep', text: 'RELEASE SAVEPOINT email_links' };
const UNDO = { name: 'email-links-undo', text: 'ROLLBACK TO SAVEPOINT email_links' };

export type LinkModel = ReturnType<typeof createLinkModel>;

/** Table `email_links`. */
export function createLinkModel(db: Database) {
  const Link = db.orm.define<Model<LinkRow>>('EmailLink', ATTRIBUTES, {
    tableName: 'email_links',
    timestamps: false,
  });

  return {
    transaction: db.transaction,

    async insert(row: NewLinkRow, transaction: Transaction): Promise<void> {
      const values = [
        row.code_hash,
        row.purpose,
        row.user_id,
        row.email,
        row.new_email,
        row.new_email_canonical,
        row.roles_ver,
        row.payload && JSON.stringify(row.payload),
        row.created_at,
        row.expires_at,
      ].map((value) => value ?? null);
      await db.query(INSERT, values, transaction);
    },

    /** Undefined when it has expired or was used up. */
    async find(codeHash: string, now: Date): Promise<LinkRow | undefined> {
      return (await db.query<LinkRow>(FIND, [codeHash, now]))[0];
    },

    /** False unless this caller is the one who may use it. */
    async consume(codeHash: string, purpose: Purpose, now: Date, transaction: Transaction) {
      return (await db.query(CONSUME, [codeHash, now, purpose], transaction)).length === 1;
    },

    /** Forgets the links of this purpose that the user has. */
    async supersede(userId: string, purpose: Purpose, transaction: Transaction) {
      await db.query(SUPERSEDE, [userId, purpose], transaction);
    },

    /** Somebody has this address now: whatever would have given it to another is forgotten. */
    async forgetClaims(spellings: readonly string[]): Promise<void> {
      await db.query(CLAIMED, [spellings]);
    },

    /** No link that was mailed so far does anything. */
    async forget(): Promise<void> {
      await inBatches(async (size) => (await db.query(FORGET, [size])).length);
    },

    /** What the user was mailed links for. */
    exportUser: ({ id, email }: DataSubject): Promise<object[]> =>
      db.query(EXPORT, [id, emailSpellings(email)]),

    /** Deletes at most `limit` links of the user, or to give their address to anybody; answers how many. */
    async eraseUser(
      { id, email }: DataSubject,
      limit: number,
      transaction: Transaction,
    ): Promise<number> {
      return (await db.query(ERASE, [id, emailSpellings(email), limit], transaction)).length;
    },

    /** Does the work, and undoes it again unless it is to be kept: both cost the same. */
    async attempt(
      work: (part: Transaction) => Promise<void>,
      isKept: boolean,
      transaction: Transaction,
    ): Promise<void> {
      const hooks: Parameters<Transaction['afterCommit']>[0][] = [];
      // What is undone must not be acted upon after the commit of the rest.
      const afterCommit = { value: (hook: (typeof hooks)[number]) => void hooks.push(hook) };
      await db.query(TRY, [], transaction);
      await work(Object.create(transaction, { afterCommit }) as Transaction);
      await db.query(isKept ? KEEP : UNDO, [], transaction);
      if (isKept) for (const hook of hooks) transaction.afterCommit(hook);
    },

    deleteExpired: (now: Date): Promise<number> =>
      Link.destroy({ where: { expires_at: { [Op.lt]: now } } }),
  };
}

const ATTRIBUTES = {
  code_hash: { type: DataTypes.TEXT, primaryKey: true },
  purpose: DataTypes.TEXT,
  user_id: DataTypes.UUID,
  email: DataTypes.TEXT,
  new_email: DataTypes.TEXT,
  new_email_canonical: DataTypes.TEXT,
  roles_ver: DataTypes.INTEGER,
  payload: DataTypes.JSONB,
  uses: DataTypes.INTEGER,
  use_limit: DataTypes.INTEGER,
  created_at: DataTypes.DATE,
  expires_at: DataTypes.DATE,
  used_at: DataTypes.DATE,
};
