import type { Database } from '../../kernel/store.ts';

export interface KeyRow {
  readonly kid: string;
  readonly alg: string;
  /** `current` signs; any other only verifies. */
  readonly status: string;
  /** The private JWK, encrypted. */
  readonly private_jwk: string;
  readonly created_at: Date;
}

// The signing key of each algorithm first, then those whose tokens are still about.
const LIST = {
  name: 'keys-list',
  text: `SELECT kid, alg, status, private_jwk, created_at FROM signing_keys
    ORDER BY alg, (status = 'current') DESC, created_at DESC`,
};
const INSERT = {
  name: 'keys-insert',
  text: `INSERT INTO signing_keys (kid, alg, status, private_jwk, created_at)
    VALUES ($1, $2, 'current', $3, $4) ON CONFLICT (alg) WHERE status = 'current' DO NOTHING`,
};
const REPLACE = {
  name: 'keys-replace-sealed',
  text: 'UPDATE signing_keys SET private_jwk = $3 WHERE kid = $1 AND private_jwk = $2',
};

export type KeyModel = ReturnType<typeof createKeyModel>;

/** Table `signing_keys`: at most one current key an algorithm. */
export function createKeyModel(db: Database) {
  return {
    list: (): Promise<KeyRow[]> => db.query<KeyRow>(LIST, []),

    /** Leaves the current key of the algorithm alone when another process was faster. */
    async insertCurrent(key: Omit<KeyRow, 'status'>): Promise<void> {
      const { kid, alg, private_jwk, created_at } = key;
      await db.query(INSERT, [kid, alg, private_jwk, created_at]);
    },

    /** Puts a new encryption of the same key in place of the old one. */
    async replaceSealed(kid: string, from: string, to: string): Promise<void> {
      await db.query(REPLACE, [kid, from, to]);
    },
  };
}
