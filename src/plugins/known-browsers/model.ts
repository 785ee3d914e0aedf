import type { Database, Transaction } from '../../kernel/store.ts';
import type { KnownAccount } from './contract.ts';

interface NewBrowser {
  readonly id: string;
  readonly userId: string;
  readonly credentialsVersion: number | undefined;
  /** What the browser was known by so far; undefined for one that is not known. */
  readonly former: Buffer | undefined;
  readonly hash: Buffer;
  readonly at: Date;
}

/** Browsers of an account, and accounts of a browser: of more, the one that was unused longest goes. */
const MOST = 10;

// Reads the table of `users`, which depends on this plugin and so cannot be asked.
const ACCOUNTS = {
  name: 'known-browsers-accounts',
  text: `SELECT known_browsers.id, user_id AS "userId", email_canonical AS email,
      coalesce(email_key, email_canonical) AS "emailKey"
    FROM known_browsers JOIN users ON users.id = user_id
    WHERE token_hash = $1 AND last_used_at > $2`,
};
const USE = {
  name: 'known-browsers-use',
  text: `UPDATE known_browsers SET last_used_at = $3
    WHERE token_hash = $1 AND user_id = $2 AND last_used_at > $4 RETURNING id`,
};
// Waits for a change of credentials under way; several sign-ins of one user write one after another.
const LOCK_USER = {
  name: 'known-browsers-lock-user',
  text: `SELECT id FROM users WHERE id = $1 AND ($2::int IS NULL OR credentials_ver = $2)
    FOR NO KEY UPDATE`,
};
// A copy of the former cookie leads nowhere afterwards: the accounts move to the new one, under the ids they had.
const ADD = {
  name: 'known-browsers-add',
  text: `WITH kept AS (SELECT id FROM known_browsers WHERE token_hash = $5 AND user_id <> $2
      ORDER BY last_used_at DESC, id LIMIT ${MOST - 1}),
    moved AS (UPDATE known_browsers SET token_hash = $3 FROM kept
      WHERE known_browsers.id = kept.id AND token_hash = $5),
    dropped AS (DELETE FROM known_browsers
      WHERE token_hash = $5 AND user_id <> $2 AND id NOT IN (SELECT id FROM kept)),
    surplus AS (DELETE FROM known_browsers
      WHERE id IN (SELECT id FROM known_browsers WHERE user_id = $2
        ORDER BY last_used_at DESC, id OFFSET ${MOST - 1}))
    INSERT INTO known_browsers (id, user_id, token_hash, created_at, last_used_at)
    VALUES ($1, $2, $3, $4, $4)`,
};
const FORGET = {
  name: 'known-browsers-forget',
  text: 'DELETE FROM known_browsers WHERE user_id = $1',
};
const DELETE_UNUSED = {
  name: 'known-browsers-delete-unused',
  text: `DELETE FROM known_browsers
    WHERE id IN (SELECT id FROM known_browsers WHERE last_used_at < $1 LIMIT $2) RETURNING id`,
};
const EXPORT = {
  name: 'known-browsers-export',
  text: `SELECT id, created_at, last_used_at FROM known_browsers
    WHERE user_id = $1 ORDER BY created_at, id`,
};

export type KnownBrowserModel = ReturnType<typeof createKnownBrowserModel>;

/** Table `known_browsers`. */
export function createKnownBrowserModel(db: Database) {
  return {
    /** Those used since. */
    accounts: (hash: Buffer, since: Date) => db.query<KnownAccount>(ACCOUNTS, [hash, since]),

    /** False when the browser is not known to this user, or was not used since. */
    async use(hash: Buffer, userId: string, { at, since }: { at: Date; since: Date }) {
      return (await db.query(USE, [hash, userId, at, since])).length === 1;
    },

    /** False when the user is gone or has other credentials. */
    add: ({ id, userId, credentialsVersion, former, hash, at }: NewBrowser): Promise<boolean> =>
      db.transaction(async (transaction) => {
        const lock = [userId, credentialsVersion ?? null];
        if ((await db.query(LOCK_USER, lock, transaction)).length === 0) return false;
        await db.query(ADD, [id, userId, hash, at, former ?? null], transaction);
        return true;
      }),

    async forget(userId: string, transaction: Transaction): Promise<void> {
      await db.query(FORGET, [userId], transaction);
    },

    /** How many went. */
    async deleteUnused(before: Date, most: number): Promise<number> {
      return (await db.query(DELETE_UNUSED, [before, most])).length;
    },

    exportOf: (userId: string) => db.query(EXPORT, [userId]),
  };
}
