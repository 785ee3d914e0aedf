import { inBatches } from '../../kernel/in-batches.ts';
import type { Database, Statement, Transaction } from '../../kernel/store.ts';
import { lastsUntil } from '../lifetimes/contract.ts';
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

/** The last row of a page: its transaction and its number. Pages go by both, in the order of an index. */
export interface PageEnd {
  readonly xid: string;
  readonly row: string;
}

/** A page of changes; `next` is what the next one comes after, if there may be one. */
export interface PageOfChanges extends Changes {
  readonly next: PageEnd | undefined;
}

/** Before every row. */
const BEGINNING: PageEnd = { xid: '0', row: '0' };
/** Rows read at a time. */
const PAGE_SIZE = 1_000;

interface RevocationRow {
  readonly row: string;
  readonly sub: string | null;
  readonly sid: string | null;
  readonly gid: string | null;
  readonly jti: string | null;
  readonly roles_ver: number | null;
  readonly at: number;
  readonly until: number;
}

interface ReadRow extends Omit<RevocationRow, 'row'> {
  /** Null in the one row of a read that found nothing. */
  readonly row: string | null;
  readonly xid: string | null;
  readonly snapshot: string;
  readonly now: number;
}

/** Seconds an entry outlives the last token that it can concern: clock skew of its verifiers. */
export const SKEW = 60;

/** When the last token has expired that was issued before `since`; `lifetime` is what this node issues them with, in seconds. */
const lastOf = (since: string, lifetime: string): string =>
  `${lastsUntil('ACCESS_TOKEN_TTL', since, lifetime)} + interval '${SKEW} seconds'`;
/** Rows of a version before say nothing of their end. */
const endOfRow = (lifetime: string): string =>
  `coalesce(expires_at, ${lastOf('created_at', lifetime)})`;
const columns = (lifetime: string): string => `id::text AS row, sub, sid, gid, jti, roles_ver,
  (extract(epoch FROM created_at) * 1000)::float8 AS at,
  (extract(epoch FROM ${endOfRow(lifetime)}) * 1000)::float8 AS until`;

const INSERT = {
  name: 'revocations-insert',
  text: `INSERT INTO revocations (sub, sid, gid, jti, roles_ver, created_at, expires_at)
    SELECT sub, sid, gid, jti, roles_ver, clock_timestamp(), ${lastOf('clock_timestamp()', '$2')}
    FROM jsonb_to_recordset($1::jsonb) AS denied (sub uuid, sid text, gid text, jti text, roles_ver integer)
    RETURNING ${columns('$2')}`,
};
/** One statement has one snapshot: a page of rows, and the position that says which transactions they are of. */
const read = (rows: string): string => `SELECT position.snapshot::text AS snapshot, found.*,
    (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now
  FROM (SELECT pg_current_snapshot() AS snapshot) AS position
  LEFT JOIN (SELECT xid::text, ${columns('$2')}, xid AS made_by, id FROM revocations
    WHERE ${endOfRow('$2')} > clock_timestamp() AND ${rows}
      AND (xid, id) > ($3::text::xid8, $4::bigint) ORDER BY revocations.xid, id LIMIT $5) AS found ON true
  ORDER BY found.made_by, found.id`;
const CHANGES = {
  name: 'revocations-changes',
  text: read(
    `revocations.xid >= pg_snapshot_xmin($1::pg_snapshot)
      AND NOT pg_visible_in_snapshot(revocations.xid, $1::pg_snapshot)`,
  ),
};
const PAGE = { name: 'revocations-page', text: read('revocations.xid >= $1::text::xid8') };
const sweep = (kind: string, condition: string) => ({
  name: `revocations-sweep${kind}`,
  text: `DELETE FROM revocations WHERE id IN (
    SELECT id FROM revocations WHERE ${condition} LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING id`,
});
const SWEEP = sweep('', 'expires_at < to_timestamp($1::float8 / 1000) ORDER BY expires_at');
const SWEEP_FORMER = sweep(
  '-former',
  `expires_at IS NULL AND ${lastOf('created_at', '$3')} < to_timestamp($1::float8 / 1000)`,
);

const FORGET = {
  name: 'revocations-forget',
  text: `WITH batch AS MATERIALIZED (SELECT id FROM revocations LIMIT $1 FOR UPDATE)
    DELETE FROM revocations USING batch WHERE revocations.id = batch.id RETURNING batch.id`,
};

export type RevocationModel = ReturnType<typeof createRevocationModel>;

/**
 * Table `revocations`. All times are PostgreSQL's, in milliseconds since 1970. `lifetime` is that of this node's access tokens,
 * in seconds; those of other nodes, and of before, count as well.
 */
export function createRevocationModel(db: Database, lifetime: number) {
  const read = async (statement: Statement, from: string, after = BEGINNING) => {
    const values = [from, lifetime, after.xid, after.row, PAGE_SIZE];
    return toPage(await db.query<ReadRow>(statement, values));
  };

  return {
    transaction: db.transaction,

    async insert(denied: readonly Revocation[], transaction: Transaction): Promise<Entry[]> {
      const json = JSON.stringify(denied.map(toRow));
      return (await db.query<RevocationRow>(INSERT, [json, lifetime], transaction)).flatMap(
        toChange,
      );
    },

    /** A page of the rows that matter and that `snapshot` could not see; of all when there is none. */
    changes: (snapshot: string | undefined, after?: PageEnd): Promise<PageOfChanges> =>
      read(CHANGES, snapshot ?? START, after),

    /** A page of what somebody who knows all transactions below `horizon` may not know. */
    page: (horizon: bigint, after?: PageEnd): Promise<PageOfChanges> =>
      read(PAGE, String(horizon), after),

    /** Deletes every row. */
    async forget(): Promise<void> {
      await inBatches(async (size) => (await db.query(FORGET, [size])).length);
    },

    /** Deletes the rows that do not matter any more at `now`. */
    async sweep(now: number): Promise<void> {
      await inBatches(async (size) => (await db.query(SWEEP, [now, size])).length);
      await inBatches(async (size) => (await db.query(SWEEP_FORMER, [now, size, lifetime])).length);
    },
  };
}

function toPage(rows: readonly ReadRow[]): PageOfChanges {
  const [first] = rows;
  if (!first) throw new Error('PostgreSQL did not tell its snapshot');
  const { snapshot, now } = first;
  const found = rows.flatMap(({ row, ...rest }) =>
    row === null ? [] : toChange({ ...rest, row }),
  );
  const last = rows.at(-1);
  const isFull = rows.length === PAGE_SIZE && last?.xid && last.row;
  const next = isFull ? { xid: last.xid, row: last.row } : undefined;
  return { changes: found, snapshot, now, next };
}

function toRow(revocation: Revocation): object {
  if (!('sub' in revocation)) return revocation;
  return { sub: revocation.sub, roles_ver: revocation.rolesVersion };
}

/** Nothing for a kind that only a later release knows: the others must be read all the same. */
function toChange({ row, sub, sid, gid, jti, roles_ver, at, until }: RevocationRow): Change[] {
  if (sid !== null) return [{ row, revocation: { sid }, at, until }];
  if (gid !== null) return [{ row, revocation: { gid }, at, until }];
  if (jti !== null) return [{ row, revocation: { jti }, at, until }];
  if (sub === null) return [];
  // A row without a version, should a later release write one, means every token of the user.
  const revocation = { sub, rolesVersion: roles_ver ?? Number.MAX_SAFE_INTEGER };
  return [{ row, revocation, at, until }];
}
