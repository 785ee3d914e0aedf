import type { Database, Transaction } from '../../kernel/store.ts';
import { lastsUntil, longestOf } from '../lifetimes/contract.ts';
import type { KeyStatus } from './contract.ts';

export interface KeyRow {
  readonly kid: string;
  readonly alg: string;
  readonly status: KeyStatus;
  /** The private JWK, encrypted. */
  readonly private_jwk: string;
  readonly created_at: Date;
}

export interface NewKey {
  readonly kid: string;
  readonly alg: string;
  readonly private_jwk: string;
}

// The signing key of each algorithm first, then the one that will sign, then those whose tokens are still about.
const LIST = {
  name: 'keys-list',
  text: `SELECT kid, alg, status, private_jwk, created_at FROM signing_keys
    ORDER BY alg, (status = 'current') DESC, (status = 'next') DESC, created_at DESC`,
};
const INSERT_CURRENT = {
  name: 'keys-insert-current',
  text: `INSERT INTO signing_keys (kid, alg, private_jwk, status, created_at)
    VALUES ($1, $2, $3, 'current', now()) ON CONFLICT (alg) WHERE status = 'current' DO NOTHING`,
};
const INSERT_NEXT = {
  name: 'keys-insert-next',
  text: `INSERT INTO signing_keys (kid, alg, private_jwk, status, created_at)
    VALUES ($1, $2, $3, 'next', now()) ON CONFLICT (alg) WHERE status = 'next' DO NOTHING
    RETURNING kid`,
};
const REPLACE = {
  name: 'keys-replace-sealed',
  text: 'UPDATE signing_keys SET private_jwk = $3 WHERE kid = $1 AND private_jwk = $2',
};
const DUE = {
  name: 'keys-due',
  text: `SELECT alg FROM signing_keys k WHERE status = 'current' AND created_at <= now() - make_interval(secs => $1)
    AND NOT EXISTS (SELECT FROM signing_keys n WHERE n.alg = k.alg AND n.status = 'next') ORDER BY alg`,
};
// Before anything is decided, so that no two nodes take one step twice.
const LOCK = { name: 'keys-lock', text: 'SELECT kid FROM signing_keys ORDER BY kid FOR UPDATE' };
const RIPE = {
  name: 'keys-ripe',
  text: `SELECT alg FROM signing_keys
    WHERE status = 'next' AND ${lastsUntil('JWKS_MAX_AGE', 'created_at', '$1')} <= now() - make_interval(secs => $2)`,
};
const RETIRE = {
  name: 'keys-retire',
  text: `UPDATE signing_keys SET status = 'retired', retired_at = now()
    WHERE status = 'current' AND alg = ANY($1::text[])`,
};
const PROMOTE = {
  name: 'keys-promote',
  text: `UPDATE signing_keys SET status = 'current' WHERE status = 'next' AND alg = ANY($1::text[]) RETURNING kid`,
};
/** Seconds that clocks may differ. */
const SKEW = 60;
const DROP = {
  name: 'keys-drop',
  text: `DELETE FROM signing_keys WHERE status = 'retired'
      AND retired_at <= now() - make_interval(secs => greatest($1::int, ${longestOf('ACCESS_TOKEN_TTL', '$2')} + ${SKEW}))
    RETURNING kid`,
};
const WITHDRAW = {
  name: 'keys-withdraw',
  text: 'DELETE FROM signing_keys WHERE alg = $1 RETURNING kid',
};

export type KeyModel = ReturnType<typeof createKeyModel>;

/** Table `signing_keys`: at most one current and one next key an algorithm. Seconds by PostgreSQL's clock. */
export function createKeyModel(db: Database) {
  const kids = (rows: readonly { readonly kid: string }[]) => rows.map(({ kid }) => kid);
  const insertCurrent = async (key: NewKey, transaction?: Transaction): Promise<void> => {
    await db.query(INSERT_CURRENT, [key.kid, key.alg, key.private_jwk], transaction);
  };

  return {
    list: (): Promise<KeyRow[]> => db.query<KeyRow>(LIST, []),

    /** Leaves the current key of the algorithm alone when another process was faster. */
    insertCurrent: (key: NewKey) => insertCurrent(key),

    /** False when there is a next key already. */
    async insertNext({ kid, alg, private_jwk }: NewKey): Promise<boolean> {
      return (await db.query(INSERT_NEXT, [kid, alg, private_jwk])).length > 0;
    },

    /** Puts a new encryption of the same key in place of the old one. */
    async replaceSealed(kid: string, from: string, to: string): Promise<void> {
      await db.query(REPLACE, [kid, from, to]);
    },

    /** Algorithms whose current key is that old and has no successor yet. */
    async due(age: number): Promise<string[]> {
      return (await db.query<{ alg: string }>(DUE, [age])).map(({ alg }) => alg);
    },

    /**
     * Next keys sign from now on that everybody knows: published for so many seconds, and for as long as anybody may keep JWKS
     * besides (`cached`, or what JWKS_MAX_AGE was before). Answers which.
     */
    promote: (published: number, cached: number): Promise<string[]> =>
      db.transaction(async (transaction) => {
        await db.query(LOCK, [], transaction);
        const ripe = await db.query<{ alg: string }>(RIPE, [cached, published], transaction);
        const algs = ripe.map(({ alg }) => alg);
        if (algs.length === 0) return [];
        await db.query(RETIRE, [algs], transaction);
        return kids(await db.query<{ kid: string }>(PROMOTE, [algs], transaction));
      }),

    /**
     * Deletes keys that retired that long ago, and longer ago than an access token may live (`lifetime` seconds, or those of
     * another node, or of before); answers which.
     */
    async drop(retired: number, lifetime: number): Promise<string[]> {
      return kids(await db.query<{ kid: string }>(DROP, [retired, lifetime]));
    },

    /** This key at once in place of every other of its algorithm; answers those. */
    replaceAll: (key: NewKey): Promise<string[]> =>
      db.transaction(async (transaction) => {
        await db.query(LOCK, [], transaction);
        const withdrawn = await db.query<{ kid: string }>(WITHDRAW, [key.alg], transaction);
        await insertCurrent(key, transaction);
        return kids(withdrawn);
      }),
  };
}
