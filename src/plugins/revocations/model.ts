import { inBatches } from '../../kernel/in-batches.ts';
import type { Database, Transaction } from '../../kernel/store.ts';
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
}

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
/** One statement has one snapshot: the rows, and the position that says which transactions they are of. */
const read = (
  rows: string,
  lifetime: string,
): string => `SELECT position.snapshot::text AS snapshot, found.*,
    (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now
  FROM (SELECT pg_current_snapshot() AS snapshot) AS position
  LEFT JOIN (SELECT id, ${columns(lifetime)} FROM revocations
    WHERE ${endOfRow(lifetime)} > clock_timestamp() AND ${rows}) AS found ON true ORDER BY found.id`;
const CHANGES = {
  name: 'revocations-changes',
  text: read(
    `xid >= pg_snapshot_xmin($1::pg_snapshot) AND NOT pg_visible_in_snapshot(xid, $1::pg_snapshot)`,
    '$2',
  ),
};
const PAGE = {
  name: 'revocations-page',
  text: read('xid >= $1::text::xid8 AND id > $2::bigint ORDER BY id LIMIT $4', '$3'),
};
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
  return {
    transaction: db.transaction,

    async insert(denied: readonly Revocation[], transaction: Transaction): Promise<Entry[]> {
      const json = JSON.stringify(denied.map(toRow));
      return (await db.query<RevocationRow>(INSERT, [json, lifetime], transaction)).flatMap(
        toChange,
      );
    },

    /** Rows that matter and that `snapshot` could not see; all of them when there is none. */
    async changes(snapshot: string | undefined): Promise<Changes> {
      return toChanges(await db.query<ReadRow>(CHANGES, [snapshot ?? START, lifetime]));
    },

    /** A page of what somebody who knows all transactions below `horizon` may not know. */
    async page({ horizon, after, limit }: PageQuery): Promise<PageOfChanges> {
      const rows = await db.query<ReadRow>(PAGE, [String(horizon), after, lifetime, limit]);
      const next = rows.length < limit ? undefined : (rows.at(-1)?.row ?? undefined);
      return { ...toChanges(rows), next };
    },

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
function toChange({ row, sub, sid, gid, jti, roles_ver, at, until }: RevocationRow): Change[] {
  if (sid !== null) return [{ row, revocation: { sid }, at, until }];
  if (gid !== null) return [{ row, revocation: { gid }, at, until }];
  if (jti !== null) return [{ row, revocation: { jti }, at, until }];
  if (sub === null) return [];
  // A row without a version, should a later release write one, means every token of the user.
  const revocation = { sub, rolesVersion: roles_ver ?? Number.MAX_SAFE_INTEGER };
  return [{ row, revocation, at, until }];
}
