import { inBatches } from '../../kernel/in-batches.ts';
import type { Database, Transaction } from '../../kernel/store.ts';
import type { Revocation } from './contract.ts';
import type { Entry } from './denylist.ts';
import { START } from './position.ts';

/** A row of the table: what was denied, under its number. */
export interface Change extends Entry {
  /** Given before the commit: a smaller one may become visible later. */
  readonly row: string;
}

/** What a reader that has seen all of one snapshot has not seen yet. */
export interface Changes {
  readonly changes: readonly Change[];
  /** All that this read could see (pg_snapshot). */
  readonly snapshot: string;
  readonly now: number;
}

/** A page of changes; `next` is where the next one begins, if there may be one. */
export interface PageOfChanges extends Changes {
  readonly next: string | undefined;
}

export interface PageQuery {
  /** Transactions below it have been seen. */
  readonly horizon: bigint;
  /** Number of the last row that was seen. */
  readonly after: string;
  readonly limit: number;
  /** Milliseconds: older rows concern no valid token. */
  readonly keep: number;
}

interface RevocationRow {
  readonly row: string;
  readonly sub: string | null;
  readonly sid: string | null;
  readonly gid: string | null;
  readonly jti: string | null;
  readonly roles_ver: number | null;
  readonly at: number;
}

interface ReadRow extends Omit<RevocationRow, 'row'> {
  /** Null in the one row of a read that found nothing. */
  readonly row: string | null;
  readonly snapshot: string;
  readonly now: number;
}

const COLUMNS = `id::text AS row, sub, sid, gid, jti, roles_ver,
  (extract(epoch FROM created_at) * 1000)::float8 AS at`;

const INSERT = {
  name: 'revocations-insert',
  text: `INSERT INTO revocations (sub, sid, gid, jti, roles_ver, created_at)
    SELECT sub, sid, gid, jti, roles_ver, clock_timestamp()
    FROM jsonb_to_recordset($1::jsonb) AS denied (sub uuid, sid text, gid text, jti text, roles_ver integer)
    RETURNING ${COLUMNS}`,
};
/** One statement has one snapshot: the rows, and the position that says which transactions they are of. */
const read = (rows: string): string => `SELECT position.snapshot::text AS snapshot, found.*,
    (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now
  FROM (SELECT pg_current_snapshot() AS snapshot) AS position
  LEFT JOIN (SELECT id, ${COLUMNS} FROM revocations WHERE ${rows}) AS found ON true ORDER BY found.id`;
const RECENT = (keep: string) =>
  `created_at > clock_timestamp() - ${keep}::float8 * interval '1 millisecond'`;
const CHANGES = {
  name: 'revocations-changes',
  text: read(`xid >= pg_snapshot_xmin($1::pg_snapshot)
    AND NOT pg_visible_in_snapshot(xid, $1::pg_snapshot) AND ${RECENT('$2')}`),
};
const PAGE = {
  name: 'revocations-page',
  text: read(`xid >= $1::text::xid8 AND id > $2::bigint AND ${RECENT('$3')} ORDER BY id LIMIT $4`),
};
const SWEEP = {
  name: 'revocations-sweep',
  text: `DELETE FROM revocations WHERE id IN (
    SELECT id FROM revocations WHERE created_at < to_timestamp($1::float8 / 1000)
    ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING id`,
};

const FORGET = {
  name: 'revocations-forget',
  text: `WITH batch AS MATERIALIZED (SELECT id FROM revocations LIMIT $1 FOR UPDATE)
    DELETE FROM revocations USING batch WHERE revocations.id = batch.id RETURNING batch.id`,
};

export type RevocationModel = ReturnType<typeof createRevocationModel>;

/** Table `revocations`. All times are PostgreSQL's, in milliseconds since 1970. */
export function createRevocationModel(db: Database) {
  return {
    transaction: db.transaction,

    async insert(denied: readonly Revocation[], transaction: Transaction): Promise<Entry[]> {
      const json = JSON.stringify(denied.map(toRow));
      return (await db.query<RevocationRow>(INSERT, [json], transaction)).flatMap(toChange);
    },

    /** Rows of the last `keep` milliseconds that `snapshot` could not see; all of them when there is none. */
    async changes(snapshot: string | undefined, keep: number): Promise<Changes> {
      return toChanges(await db.query<ReadRow>(CHANGES, [snapshot ?? START, keep]));
    },

    /** A page of what somebody who knows all transactions below `horizon` may not know. */
    async page({ horizon, after, limit, keep }: PageQuery): Promise<PageOfChanges> {
      const rows = await db.query<ReadRow>(PAGE, [String(horizon), after, keep, limit]);
      const next = rows.length < limit ? undefined : (rows.at(-1)?.row ?? undefined);
      return { ...toChanges(rows), next };
    },

    /** Deletes every row. */
    async forget(): Promise<void> {
      await inBatches(async (size) => (await db.query(FORGET, [size])).length);
    },

    /** Deletes the rows that are older than `limit`. */
    async sweep(limit: number): Promise<void> {
      await inBatches(async (size) => (await db.query(SWEEP, [limit, size])).length);
    },
  };
}

function toChanges(rows: readonly ReadRow[]): Changes {
  const [first] = rows;
  if (!first) throw new Error('PostgreSQL did not tell its snapshot');
  const { snapshot, now } = first;
  const found = rows.flatMap(({ row, ...rest }) =>
    row === null ? [] : toChange({ ...rest, row }),
  );
  return { changes: found, snapshot, now };
}

function toRow(revocation: Revocation): object {
  if (!('sub' in revocation)) return revocation;
  return { sub: revocation.sub, roles_ver: revocation.rolesVersion };
}

/** Nothing for a kind that only a later release knows: the others must be read all the same. */
function toChange({ row, sub, sid, gid, jti, roles_ver, at }: RevocationRow): Change[] {
  if (sid !== null) return [{ row, revocation: { sid }, at }];
  if (gid !== null) return [{ row, revocation: { gid }, at }];
  if (jti !== null) return [{ row, revocation: { jti }, at }];
  if (sub === null) return [];
  // A row without a version, should a later release write one, means every token of the user.
  return [{ row, revocation: { sub, rolesVersion: roles_ver ?? Number.MAX_SAFE_INTEGER }, at }];
}
