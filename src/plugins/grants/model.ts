import { inBatches } from '../../kernel/in-batches.ts';
import type { Database, Transaction } from '../../kernel/store.ts';
import { lastsUntil, longestOf } from '../lifetimes/contract.ts';
import type { GrantFilter, GrantOwner } from './contract.ts';

export interface GrantRow {
  readonly id: string;
  readonly user_id: string;
  readonly client_id: string;
  readonly session_id: string | null;
  readonly payload: Record<string, unknown>;
  readonly rotation: number;
  readonly rotation_salt: string | null;
  readonly ended: boolean;
  readonly code_used: boolean;
  /** Seconds since 1970. */
  readonly created_at: number;
  readonly expires_at: number;
  readonly rotated_at: number | null;
  /** Seconds since the rotation and since the code was redeemed, by the database's clock. */
  readonly rotation_age: number | null;
  readonly code_age: number | null;
}

const COLUMNS = `id, user_id, client_id, session_id, payload, rotation, rotation_salt,
  (ended_at IS NOT NULL OR expires_at <= $2) AS ended, last_code_hash IS NOT NULL AS code_used,
  floor(extract(epoch FROM created_at))::float8 AS created_at,
  floor(extract(epoch FROM expires_at))::float8 AS expires_at,
  floor(extract(epoch FROM rotated_at))::float8 AS rotated_at,
  extract(epoch FROM clock_timestamp() - rotated_at)::float8 AS rotation_age,
  extract(epoch FROM clock_timestamp() - code_used_at)::float8 AS code_age`;

const FIND = { name: 'grants-find', text: `SELECT ${COLUMNS} FROM grants WHERE id = $1` };
const INSERT = {
  name: 'grants-insert',
  // The locks make a new grant wait for a session that is being ended, or a consent that is being withdrawn, right now, and
  // see it. In this order, as a reset takes them.
  text: `WITH live AS (SELECT id FROM sessions WHERE id = $4 AND ended_at IS NULL FOR SHARE),
    made AS (
      INSERT INTO grants (id, user_id, client_id, session_id, payload, offline, created_at, expires_at)
      SELECT $1, $2, $3, id, $5, $6, $7, $8 FROM live
      WHERE NOT $10::boolean
        OR EXISTS (SELECT FROM consents WHERE user_id = $2 AND client_id = $3 AND live.id = $4 FOR SHARE)
      RETURNING id),
    code AS (
      INSERT INTO grant_codes (grant_id, redeem_by)
      SELECT id, clock_timestamp() + make_interval(secs => $9) FROM made WHERE $9::int IS NOT NULL)
    SELECT id FROM made`,
};
const REDEEM = {
  name: 'grants-redeem',
  text: `UPDATE grants SET last_code_hash = $3, code_used_at = clock_timestamp()
    WHERE id = $1 AND last_code_hash IS NULL AND ended_at IS NULL AND expires_at > $2 RETURNING id`,
};
const ROTATE = {
  name: 'grants-rotate',
  text: `UPDATE grants SET rotation = rotation + 1, rotation_salt = $4, rotated_at = clock_timestamp()
    WHERE id = $1 AND rotation = $3 AND ended_at IS NULL AND expires_at > $2 RETURNING ${COLUMNS}`,
};
// `rotated_at` stays: who lost to the rotation before this one is still a parallel request, not a replay.
const TAKE_BACK = {
  name: 'grants-take-back',
  text: `UPDATE grants SET rotation = $2, rotation_salt = NULL
    WHERE id = $1 AND rotation = $2 + 1 AND rotation_salt = $3 AND ended_at IS NULL RETURNING id`,
};
/** Seconds that clocks may differ, on both sides of an access token's lifetime. */
const SKEW = 60;

// Access tokens come with the grant, its code or a rotation: without any of them lately, none is left to deny.
const HAS_TOKENS = (lifetime: string) =>
  `${lastsUntil('ACCESS_TOKEN_TTL', 'greatest(created_at, code_used_at, rotated_at)', lifetime)}
    > clock_timestamp() - interval '${SKEW} seconds'`;
const MATCHING = `ended_at IS NULL
  AND ($3::uuid IS NULL OR user_id = $3) AND ($4::text IS NULL OR client_id = $4)
  AND ($5::text[] IS NULL OR session_id = ANY($5)) AND ($6::text IS NULL OR session_id IS DISTINCT FROM $6)
  AND ($9::text IS NULL OR id = $9)`;
const OWNER = 'id, user_id, client_id, session_id';
// At most $10 of them; one more is looked for, to tell whether that was all. They are looked up by their ids
// alone, as `ended_at IS NULL`, which has indexes, is not: with stale statistics, PostgreSQL would compare each live grant
// with each of the batch. Those that are kept are told of as well: their
// clients hear of the end of the session all the same.
const END_ALL = {
  name: 'grants-end-all',
  text: `WITH found AS MATERIALIZED (
      SELECT id FROM grants WHERE ${MATCHING} AND NOT ($7 AND offline) LIMIT $10::int + 1),
    ended AS (UPDATE grants SET ended_at = $1, end_reason = $2
      WHERE id = ANY(ARRAY(SELECT id FROM found LIMIT $10::int)) AND num_nulls(ended_at) = 1
      RETURNING ${OWNER}, ${HAS_TOKENS('$8')} AS has_tokens)
    SELECT is_more, ${OWNER}, has_tokens
      FROM (SELECT count(*) > $10::int AS is_more FROM found) AS counted LEFT JOIN ended ON true
    UNION ALL SELECT DISTINCT false, NULL, user_id, client_id, session_id, false
      FROM grants WHERE ${MATCHING} AND $7 AND offline`,
};
const END_EVERY = {
  name: 'grants-end-every',
  text: `WITH live AS MATERIALIZED (SELECT id FROM grants WHERE ended_at IS NULL LIMIT $3 FOR UPDATE)
    UPDATE grants SET ended_at = $1, end_reason = $2 FROM live WHERE grants.id = live.id RETURNING live.id`,
};
const EXPORT = {
  name: 'grants-export',
  text: `SELECT client_id, session_id, payload->'openid'->>'scope' AS scope, payload->'resources' AS resources,
      payload->'audiences' AS audiences, created_at, expires_at, rotated_at AS last_refresh, ended_at, end_reason
    FROM grants WHERE user_id = $1 ORDER BY created_at`,
};
const ERASE = {
  name: 'grants-erase',
  // Locked, so that fewer than asked for means that there are no more, whoever else deletes some of them.
  text: `WITH batch AS MATERIALIZED (SELECT id FROM grants WHERE user_id = $1 LIMIT $2 FOR UPDATE)
    DELETE FROM grants WHERE id = ANY(ARRAY(SELECT id FROM batch)) RETURNING id`,
};
/** Hours an expired grant is kept, so that a late replay is still recognized as one. */
const KEEP = 24;
const SWEEP = {
  name: 'grants-sweep',
  // While an access token of it may be valid, what ends the grant must find it, to deny that.
  text: `DELETE FROM grants WHERE id IN (SELECT id FROM grants
    WHERE expires_at < $1::timestamptz - greatest(interval '${KEEP} hours',
      (${longestOf('ACCESS_TOKEN_TTL', '$3')} + ${SKEW}) * interval '1 second') LIMIT $2) RETURNING id`,
};
// Whatever became of the code, its row has done its work. Of what was never redeemed nobody has a token.
const SWEEP_UNREDEEMED = {
  name: 'grants-sweep-unredeemed',
  text: `WITH due AS (
      DELETE FROM grant_codes WHERE grant_id IN (
        SELECT grant_id FROM grant_codes WHERE redeem_by < clock_timestamp() LIMIT $1 FOR UPDATE SKIP LOCKED)
      RETURNING grant_id),
    gone AS (
      DELETE FROM grants USING due WHERE id = grant_id AND last_code_hash IS NULL AND rotation = 0)
    SELECT grant_id FROM due`,
};

export interface NewGrantRow {
  readonly id: string;
  readonly userId: string;
  readonly clientId: string;
  readonly sessionId: string;
  readonly payload: object;
  readonly offline: boolean;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  /** Seconds in which its code must be redeemed. */
  readonly redeemWithin?: number | undefined;
  readonly consented?: boolean | undefined;
}

/** What a statement that ends grants has done. */
export interface EndedGrants {
  /** Whose grants ended, and whose `keepOffline` left alone. */
  readonly owners: readonly GrantOwner[];
  /** Ids of those that ended of which access tokens may not have expired. */
  readonly withTokens: readonly string[];
  /** Others match that have not ended. */
  readonly isMore: boolean;
}

type OwnerRow = Pick<GrantRow, 'user_id' | 'client_id' | 'session_id'>;

/** One row at least, its columns null where nothing ended. */
interface EndedRow {
  readonly is_more: boolean;
  readonly id: string | null;
  readonly user_id: string | null;
  readonly client_id: string | null;
  readonly session_id: string | null;
  readonly has_tokens: boolean | null;
}

/** Whose grant a row is. */
export const toOwner = (row: OwnerRow): GrantOwner => ({
  userId: row.user_id,
  clientId: row.client_id,
  sessionId: row.session_id,
});

export type GrantModel = ReturnType<typeof createGrantModel>;

/**
 * Table `grants`: one row an authorization; every state change is one conditional UPDATE. `tokenLifetime` is that of
 * access tokens, in seconds.
 */
export function createGrantModel(db: Database, tokenLifetime: number) {
  const first = async (rows: Promise<GrantRow[]>) => (await rows)[0];
  return {
    find: (id: string, now: Date) => first(db.query<GrantRow>(FIND, [id, now])),

    /** False when the session has ended by now, or the consent of a `consented` one is gone. */
    async insert(grant: NewGrantRow, transaction?: Transaction): Promise<boolean> {
      const { id, userId, clientId, sessionId, payload, offline, createdAt, expiresAt } = grant;
      const redeemWithin = grant.redeemWithin ?? null;
      const json = JSON.stringify(payload);
      const values = [id, userId, clientId, sessionId, json, offline, createdAt, expiresAt];
      const conditions = [redeemWithin, grant.consented ?? false];
      const rows = await db.query(INSERT, [...values, ...conditions], transaction);
      return rows.length === 1;
    },

    /** True for exactly one caller, ever. */
    async redeem(id: string, codeHash: string, now: Date): Promise<boolean> {
      return (await db.query(REDEEM, [id, now, codeHash])).length === 1;
    },

    rotate: (id: string, from: number, salt: string, now: Date) =>
      first(db.query<GrantRow>(ROTATE, [id, now, from, salt])),

    /** Undoes the rotation `from` → `from + 1` of this salt; false when there is none. */
    async takeBack(id: string, from: number, salt: string): Promise<boolean> {
      return (await db.query(TAKE_BACK, [id, from, salt])).length === 1;
    },

    /** Ends at most `limit` live grants of the filter. */
    async endAll(
      filter: GrantFilter,
      {
        reason,
        now,
        limit,
      }: { readonly reason: string; readonly now: Date; readonly limit: number },
      transaction: Transaction,
    ): Promise<EndedGrants> {
      const { grantId, userId, clientId, sessionId, exceptSessionId, keepOffline = false } = filter;
      const sessions = sessionId === undefined ? undefined : [sessionId].flat();
      const owner = [userId, clientId, sessions, exceptSessionId];
      const rows = await db.query<EndedRow>(
        END_ALL,
        [now, reason, ...owner, keepOffline, tokenLifetime, grantId, limit],
        transaction,
      );
      return {
        owners: rows.flatMap((row) => (row.client_id === null ? [] : [toOwner(row as OwnerRow)])),
        withTokens: rows.flatMap(({ id, has_tokens }) => (id !== null && has_tokens ? [id] : [])),
        isMore: rows.some(({ is_more }) => is_more),
      };
    },

    /** Ends every live grant of everybody, and denies none of their tokens. */
    async endEvery(reason: string, now: Date): Promise<void> {
      await inBatches(async (size) => (await db.query(END_EVERY, [now, reason, size])).length);
    },

    /** What the user gave to clients, ended or not, as long as it is written down. */
    exportUser: (userId: string): Promise<object[]> => db.query(EXPORT, [userId]),

    /** Deletes at most `limit` grants of the user, and answers how many. */
    async eraseUser(userId: string, limit: number, transaction: Transaction): Promise<number> {
      return (await db.query(ERASE, [userId, limit], transaction)).length;
    },

    /** Of at most `size` codes whose time is over, deletes the grants of those nobody redeemed; returns how many codes. */
    async sweepUnredeemed(size: number): Promise<number> {
      return (await db.query(SWEEP_UNREDEEMED, [size])).length;
    },

    /** Deletes at most `size` grants that expired a day ago, and longer ago than their access tokens; returns how many. */
    async sweep(now: Date, size: number): Promise<number> {
      return (await db.query(SWEEP, [now, size, tokenLifetime])).length;
    },
  };
}
