import type { Database, Transaction } from '../../kernel/store.ts';
import type { Revocation } from './contract.ts';
import type { Entry } from './denylist.ts';

interface RevocationRow {
  readonly sub: string | null;
  readonly sid: string | null;
  readonly gid: string | null;
  readonly jti: string | null;
  readonly roles_ver: number | null;
  readonly at: number;
}

const COLUMNS = `sub, sid, gid, jti, roles_ver, (extract(epoch FROM created_at) * 1000)::float8 AS at`;

const NOW = {
  name: 'revocations-now',
  text: `SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now`,
};
const INSERT = {
  name: 'revocations-insert',
  text: `INSERT INTO revocations (sub, sid, gid, jti, roles_ver, created_at)
    SELECT sub, sid, gid, jti, roles_ver, clock_timestamp()
    FROM jsonb_to_recordset($1::jsonb) AS denied (sub uuid, sid text, gid text, jti text, roles_ver integer)
    RETURNING ${COLUMNS}`,
};
const SINCE = {
  name: 'revocations-since',
  text: `SELECT ${COLUMNS} FROM revocations WHERE created_at > to_timestamp($1::float8 / 1000)`,
};
const SWEEP = {
  name: 'revocations-sweep',
  text: `DELETE FROM revocations WHERE id IN (
    SELECT id FROM revocations WHERE created_at < to_timestamp($1::float8 / 1000)
    ORDER BY created_at LIMIT 1000 FOR UPDATE SKIP LOCKED)`,
};

export type RevocationModel = ReturnType<typeof createRevocationModel>;

/** Table `revocations`. All times are PostgreSQL's, in milliseconds since 1970. */
export function createRevocationModel(db: Database) {
  return {
    transaction: db.transaction,

    async now(): Promise<number> {
      const [row] = await db.query<{ now: number }>(NOW, []);
      if (!row) throw new Error('PostgreSQL did not tell the time');
      return row.now;
    },

    async insert(denied: readonly Revocation[], transaction: Transaction): Promise<Entry[]> {
      const json = JSON.stringify(denied.map(toRow));
      return (await db.query<RevocationRow>(INSERT, [json], transaction)).map(toEntry);
    },

    async since(time: number): Promise<Entry[]> {
      return (await db.query<RevocationRow>(SINCE, [time])).map(toEntry);
    },

    /** Deletes at most 1,000 rows that are older than `limit`. */
    async sweep(limit: number): Promise<void> {
      await db.query(SWEEP, [limit]);
    },
  };
}

function toRow(revocation: Revocation): object {
  if (!('sub' in revocation)) return revocation;
  return { sub: revocation.sub, roles_ver: revocation.rolesVersion };
}

function toEntry({ sub, sid, gid, jti, roles_ver, at }: RevocationRow): Entry {
  if (sid !== null) return { revocation: { sid }, at };
  if (gid !== null) return { revocation: { gid }, at };
  if (jti !== null) return { revocation: { jti }, at };
  if (sub === null) throw new Error('A row of revocations names neither sub, sid, gid nor jti');
  // A row without a version, should a later release write one, means every token of the user.
  return { revocation: { sub, rolesVersion: roles_ver ?? Number.MAX_SAFE_INTEGER }, at };
}
