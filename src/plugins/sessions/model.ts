import { inBatches } from '../../kernel/in-batches.ts';
import type { Database, Transaction } from '../../kernel/store.ts';
import type { HistoryPosition, SessionInfo, SignInRecord } from './contract.ts';

interface SessionRow {
  readonly id: string;
  readonly user_id: string;
  readonly device: string;
  readonly ip: string;
  readonly clients: readonly string[];
  readonly created_at: Date;
  readonly last_seen: Date;
}

interface Cookies {
  readonly cookie_ver: number;
}

interface HistoryRow {
  readonly id: string;
  readonly session_id: string;
  readonly method: string;
  readonly device: string;
  readonly ip: string;
  readonly auth_date: Date;
  readonly logout_date: Date | null;
}

const INSERT = {
  name: 'sessions-insert',
  // The lock makes a sign-in wait for a user who is being disabled or gets another password right now, and see it.
  text: `INSERT INTO sessions (id, user_id, amr, device, ip, auth_time, created_at, last_seen)
    SELECT $1, id, $3, $4, $5, $8, $6, $6 FROM users
    WHERE id = $2 AND disabled_at IS NULL AND ($7::int IS NULL OR credentials_ver = $7)
    FOR SHARE RETURNING id`,
};
const INSERT_HISTORY = {
  name: 'login-history-insert',
  text: `INSERT INTO login_history (id, user_id, session_id, method, device, ip, auth_date)
    VALUES ($1, $2, $3, $4, $5, $6, $7)`,
};
const FORGET = { name: 'sessions-forget', text: 'DELETE FROM sessions WHERE id = $1' };
const FORGET_HISTORY = {
  name: 'login-history-forget',
  text: 'DELETE FROM login_history WHERE session_id = $1 AND auth_date = $2',
};
const ALIVE = {
  name: 'sessions-alive',
  text: `SELECT cookie_ver FROM sessions WHERE id = $1 AND ended_at IS NULL AND created_at > $2`,
};
const RENEW_COOKIES = {
  name: 'sessions-renew-cookies',
  text: `UPDATE sessions SET cookie_ver = cookie_ver + 1 WHERE id = $1 AND ended_at IS NULL
    RETURNING cookie_ver`,
};
const LIST = {
  name: 'sessions-list',
  text: `SELECT id, user_id, device, ip, created_at, last_seen,
      ARRAY(SELECT DISTINCT client_id FROM grants
        WHERE session_id = sessions.id AND grants.ended_at IS NULL ORDER BY client_id) AS clients
    FROM sessions
    WHERE user_id = $1 AND ended_at IS NULL AND created_at > $2 AND last_seen > $3
    ORDER BY created_at DESC, id`,
};
const SURPLUS = {
  name: 'sessions-surplus',
  text: `SELECT id FROM sessions WHERE user_id = $1 AND ended_at IS NULL AND id <> $2
    ORDER BY last_seen DESC, id OFFSET $3::int - 1 LIMIT $4`,
};
const UNUSED = {
  name: 'sessions-unused',
  text: `SELECT id FROM sessions WHERE ended_at IS NULL
    AND (last_seen < $1 OR created_at < $2) LIMIT $3`,
};
const DELETE_ENDED = {
  name: 'sessions-delete-ended',
  text: `DELETE FROM sessions
    WHERE id IN (SELECT id FROM sessions WHERE ended_at < $1 LIMIT $2) RETURNING id`,
};
const AUTH_TIME = {
  name: 'sessions-auth-time',
  text: `UPDATE sessions SET auth_time = $2, last_seen = $2 WHERE id = $1 AND ended_at IS NULL`,
};
const HISTORY = {
  name: 'login-history-list',
  text: `SELECT id, session_id, method, device, ip, auth_date, logout_date FROM login_history
    WHERE user_id = $1 AND ($2::timestamptz IS NULL OR (auth_date, id) < ($2, $3::uuid))
    ORDER BY auth_date DESC, id DESC LIMIT $4`,
};
const READ_AUTH_TIME = {
  name: 'sessions-read-auth-time',
  text: `SELECT floor(extract(epoch FROM auth_time))::float8 AS auth_time FROM sessions
    WHERE id = $1 AND ended_at IS NULL AND created_at > $2`,
};
const SEEN = {
  name: 'sessions-seen',
  text: `UPDATE sessions SET last_seen = $2::timestamptz
    WHERE id = $1 AND last_seen < $2::timestamptz - interval '1 minute'`,
};
const END = {
  name: 'sessions-end',
  text: `UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE id = ANY($1::text[]) AND ended_at IS NULL
    RETURNING id, user_id, created_at`,
};
// At most $5 of them; one more is looked for, to tell whether that was all. They are looked up by their ids alone, as
// `ended_at IS NULL`, which has an index, is not: with stale statistics, PostgreSQL would compare each live session with
// each of the batch.
const END_ALL = {
  name: 'sessions-end-all',
  text: `WITH found AS MATERIALIZED (
      SELECT id FROM sessions WHERE user_id = $1 AND ended_at IS NULL AND ($4::text IS NULL OR id <> $4)
      LIMIT $5::int + 1),
    ended AS (UPDATE sessions SET ended_at = $2, end_reason = $3
      WHERE id = ANY(ARRAY(SELECT id FROM found LIMIT $5::int)) AND num_nulls(ended_at) = 1
      RETURNING id, user_id, created_at)
    SELECT is_more, ended.* FROM (SELECT count(*) > $5::int AS is_more FROM found) AS counted LEFT JOIN ended ON true`,
};
const END_EVERY = {
  name: 'sessions-end-every',
  text: `WITH live AS MATERIALIZED (SELECT id FROM sessions WHERE ended_at IS NULL LIMIT $3 FOR UPDATE),
    ended AS (UPDATE sessions SET ended_at = $1, end_reason = $2 FROM live WHERE sessions.id = live.id
      RETURNING live.id, created_at),
    left_at AS (UPDATE login_history SET logout_date = $1 FROM ended
      WHERE session_id = ended.id AND logout_date IS NULL AND auth_date >= ended.created_at)
    SELECT id FROM ended`,
};
const EXPORT_SESSIONS = {
  name: 'sessions-export',
  text: `SELECT id, amr, device, ip, auth_time, created_at, last_seen, ended_at, end_reason
    FROM sessions WHERE user_id = $1 ORDER BY created_at`,
};
const EXPORT_HISTORY = {
  name: 'login-history-export',
  text: `SELECT session_id, method, device, ip, auth_date, logout_date
    FROM login_history WHERE user_id = $1 ORDER BY auth_date`,
};
// Locked, so that fewer than asked for means that there are no more, whoever else deletes some of them.
const ERASE_SESSIONS = {
  name: 'sessions-erase',
  text: `WITH batch AS MATERIALIZED (SELECT id FROM sessions WHERE user_id = $1 LIMIT $2 FOR UPDATE)
    DELETE FROM sessions WHERE id = ANY(ARRAY(SELECT id FROM batch)) RETURNING id`,
};
const ERASE_HISTORY = {
  name: 'login-history-erase',
  text: `WITH batch AS MATERIALIZED (SELECT id FROM login_history WHERE user_id = $1 LIMIT $2 FOR UPDATE)
    DELETE FROM login_history WHERE id = ANY(ARRAY(SELECT id FROM batch)) RETURNING id`,
};
// The last condition alone tells which partitions are none of its business.
const LOGOUT_DATE = {
  name: 'login-history-logout',
  text: `UPDATE login_history SET logout_date = $2 FROM unnest($1::text[], $3::timestamptz[]) AS ended (id, created_at)
    WHERE session_id = ended.id AND logout_date IS NULL AND auth_date >= ended.created_at
      AND auth_date >= $4::timestamptz`,
};

const STRAYS = {
  name: 'login-history-strays',
  text: 'SELECT count(*)::int AS strays FROM login_history_default',
};
const STALE_STRAYS = {
  name: 'login-history-stale-strays',
  text: `DELETE FROM login_history_default WHERE ctid IN (
    SELECT ctid FROM login_history_default WHERE auth_date < $1 LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING id`,
};
/** Whoever made them, and under whichever name: their bounds tell which months they are of. */
const PAST = {
  name: 'login-history-past',
  text: `SELECT name FROM (
      SELECT oid::regclass::text AS name, substring(pg_get_expr(relpartbound, oid) FROM 'TO \\(''([^'']+)''\\)') AS bound
      FROM pg_class JOIN pg_inherits ON inhrelid = oid WHERE inhparent = 'login_history'::regclass) AS partitions
    WHERE bound::timestamptz <= $1 ORDER BY bound::timestamptz`,
};
const MISSING = {
  name: 'login-history-missing',
  text: `SELECT name FROM unnest($1::text[]) AS name WHERE NOT EXISTS (SELECT FROM pg_inherits
    WHERE inhparent = 'login_history'::regclass AND inhrelid = to_regclass(name))`,
};

/** A session that has ended. */
export interface EndedRow {
  readonly id: string;
  readonly user_id: string;
  readonly created_at: Date;
}

export interface NewSession {
  readonly id: string;
  readonly historyId: string;
  readonly userId: string;
  /** What the user's must still be, if given. */
  readonly credentialsVersion: number | undefined;
  readonly amr: readonly string[];
  readonly device: string;
  readonly ip: string;
  readonly authenticatedAt: Date;
  readonly at: Date;
}

interface EndAllOptions {
  readonly reason: string;
  readonly at: Date;
  readonly except: string | undefined;
  readonly limit: number;
}

export type SessionModel = ReturnType<typeof createSessionModel>;

/** Tables `sessions` (the fence) and `login_history` (a row a sign-in, kept). */
export function createSessionModel(db: Database) {
  return {
    /** False when the user is disabled or gone by now, or has other credentials. */
    async insert(session: NewSession, transaction: Transaction): Promise<boolean> {
      const { id, historyId, userId, amr, device, ip, authenticatedAt, at } = session;
      const row = [id, userId, amr, device, ip, at];
      const values = [...row, session.credentialsVersion, authenticatedAt];
      const rows = await db.query(INSERT, values, transaction);
      if (rows.length === 0) return false;
      const entry = [historyId, userId, id, amr.join(' '), device, ip, at];
      await db.query(INSERT_HISTORY, entry, transaction);
      return true;
    },

    /** Deletes a session that nobody was told of, with its history entry. */
    async forget({ id, at }: Pick<NewSession, 'id' | 'at'>, transaction: Transaction) {
      await db.query(FORGET_HISTORY, [id, at], transaction);
      await db.query(FORGET, [id], transaction);
    },

    /** Which cookies count; undefined for a session that is over. */
    async cookieVersion(id: string, createdAfter: Date): Promise<number | undefined> {
      return (await db.query<Cookies>(ALIVE, [id, createdAfter]))[0]?.cookie_ver;
    },

    /** From now on those of the version that is answered count; undefined when the session has ended. */
    async renewCookies(id: string, transaction: Transaction): Promise<number | undefined> {
      return (await db.query<Cookies>(RENEW_COOKIES, [id], transaction))[0]?.cookie_ver;
    },

    async list(userId: string, createdAfter: Date, seenAfter: Date): Promise<SessionInfo[]> {
      const rows = await db.query<SessionRow>(LIST, [userId, createdAfter, seenAfter]);
      return rows.map((row) => ({
        id: row.id,
        userId: row.user_id,
        device: row.device,
        ip: row.ip,
        clients: row.clients,
        createdAt: row.created_at,
        lastSeen: row.last_seen,
      }));
    },

    /** At most `most` live sessions besides `newest` that are more than `limit` in all, those used last left out. */
    async surplus(userId: string, newest: string, limit: number, most: number): Promise<string[]> {
      const rows = await db.query<{ id: string }>(SURPLUS, [userId, newest, limit, most]);
      return rows.map(({ id }) => id);
    },

    /** At most `limit` live sessions last seen or begun before these dates. */
    async unused(seenBefore: Date, createdBefore: Date, limit: number): Promise<string[]> {
      const rows = await db.query<{ id: string }>(UNUSED, [seenBefore, createdBefore, limit]);
      return rows.map(({ id }) => id);
    },

    /** Deletes at most `limit` sessions that ended before; returns how many. */
    async deleteEnded(before: Date, limit: number): Promise<number> {
      return (await db.query(DELETE_ENDED, [before, limit])).length;
    },

    async history(
      userId: string,
      before: HistoryPosition | undefined,
      limit: number,
    ): Promise<SignInRecord[]> {
      const values = [userId, before?.authDate, before?.id, limit];
      return (await db.query<HistoryRow>(HISTORY, values)).map((row) => ({
        id: row.id,
        sessionId: row.session_id,
        method: row.method,
        device: row.device,
        ip: row.ip,
        authDate: row.auth_date,
        logoutDate: row.logout_date,
      }));
    },

    async authTime(id: string, createdAfter: Date): Promise<number | undefined> {
      const values = [id, createdAfter];
      return (await db.query<{ auth_time: number }>(READ_AUTH_TIME, values))[0]?.auth_time;
    },

    async setAuthTime(id: string, at: Date, transaction?: Transaction): Promise<void> {
      await db.query(AUTH_TIME, [id, at], transaction);
    },

    async seen(id: string, at: Date): Promise<void> {
      await db.query(SEEN, [id, at]);
    },

    /** Returns the rows for the one caller that ended them. */
    end: (ids: readonly string[], reason: string, at: Date, transaction: Transaction) =>
      db.query<EndedRow>(END, [ids, at, reason], transaction),

    /** Ends at most `limit` live sessions of the user; `isMore` when others have not ended. */
    async endAll(
      userId: string,
      options: EndAllOptions,
      transaction: Transaction,
    ): Promise<{ rows: EndedRow[]; isMore: boolean }> {
      const { at, reason, except, limit } = options;
      const values = [userId, at, reason, except, limit];
      type Found = { is_more: boolean } & (EndedRow | { id: null });
      const found = await db.query<Found>(END_ALL, values, transaction);
      return {
        rows: found.flatMap((row) => (row.id === null ? [] : [row])),
        isMore: found.some(({ is_more }) => is_more),
      };
    },

    async setLogoutDates(
      ended: readonly EndedRow[],
      at: Date,
      transaction: Transaction,
    ): Promise<void> {
      if (ended.length === 0) return;
      const begun = ended.map(({ created_at }) => created_at);
      const first = new Date(Math.min(...begun.map(Number)));
      const values = [ended.map(({ id }) => id), at, begun, first];
      await db.query(LOGOUT_DATE, values, transaction);
    },

    /** Ends every live session of everybody. */
    async endEvery(reason: string, at: Date): Promise<void> {
      await inBatches(async (size) => (await db.query(END_EVERY, [at, reason, size])).length);
    },

    /** Every session of the user that is still written down, ended or not. */
    exportSessions: (userId: string): Promise<object[]> => db.query(EXPORT_SESSIONS, [userId]),

    exportHistory: (userId: string): Promise<object[]> => db.query(EXPORT_HISTORY, [userId]),

    /** Deletes at most `limit` rows of the user, and answers how many. */
    async eraseUser(userId: string, limit: number, transaction: Transaction): Promise<number> {
      let erased = 0;
      for (const statement of [ERASE_HISTORY, ERASE_SESSIONS]) {
        erased += (await db.query(statement, [userId, limit - erased], transaction)).length;
      }
      return erased;
    },

    /** Rows that are in no partition of a month, and which of these months (UTC) have none. */
    async partitionFacts(months: readonly Date[]) {
      const [counted] = await db.query<{ strays: number }>(STRAYS, []);
      const rows = await db.query<{ name: string }>(MISSING, [months.map(partitionName)]);
      return { strays: counted?.strays ?? 0, missing: rows.map(({ name }) => name) };
    },

    /** Partitions of the login history whose last day was before `limit`, the oldest first. */
    async pastPartitions(limit: Date): Promise<string[]> {
      const rows = await db.query<{ name: string }>(PAST, [limit]);
      return rows.map(({ name }) => name);
    },

    /**
     * Drops a partition, whose name must come from `pastPartitions`. It waits for half a second at most, since sign-ins wait
     * behind it: throws an Error when somebody reads the history that long.
     */
    async dropPartition(name: string): Promise<void> {
      await db.transaction(async (transaction) => {
        const run = (sql: string) => db.orm.query(sql, { transaction });
        await run(`SET LOCAL lock_timeout = '500ms'`);
        await run(LOCK_PARTITIONS);
        await run(`DROP TABLE IF EXISTS ${name}`);
      });
    },

    /** Deletes at most `size` rows of before `limit` that are in no partition of a month; answers how many. */
    async deleteStrays(limit: Date, size: number): Promise<number> {
      return (await db.query(STALE_STRAYS, [limit, size])).length;
    },

    /** Makes the partitions of the login history for the months of these dates (UTC). Idempotent. */
    async createPartitions(months: readonly Date[]): Promise<void> {
      await db.transaction(async (transaction) => {
        const run = (sql: string) => db.orm.query(sql, { transaction });
        await run(LOCK_PARTITIONS);
        for (const month of months) await run(partitionSql(month));
      });
    },
  };
}

/** One node at a time, until the transaction ends. */
const LOCK_PARTITIONS = `SELECT pg_advisory_xact_lock(hashtext('login_history partitions'))`;

const partitionName = (date: Date): string =>
  `login_history_${date.toISOString().slice(0, 7).replace('-', '_')}`;

function partitionSql(date: Date): string {
  const first = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1));
  const next = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1));
  return `CREATE TABLE IF NOT EXISTS ${partitionName(first)} PARTITION OF login_history
    FOR VALUES FROM ('${first.toISOString()}') TO ('${next.toISOString()}')`;
}
