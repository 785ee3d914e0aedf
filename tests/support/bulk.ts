/** Much of everything, written straight to PostgreSQL: holders of a role, grants of a client, sessions of a user. */
import { inBatches } from '../../src/kernel/in-batches.ts';
import type { Database } from '../../src/kernel/store.ts';

/** Rows that one statement makes: it ends in time on a busy machine. */
const CHUNK = 10_000;

type Query = Pick<Database, 'query'>;

const IN_ORDER = (from: string, n: string) =>
  `(${from}::text || '-4000-8000-' || lpad(to_hex(${n}), 12, '0'))::uuid`;

/** Calls `insert` with the numbers from `first` on, as many as it may make at a time. */
async function inChunks(
  count: number,
  insert: (first: number, last: number) => Promise<unknown>,
): Promise<void> {
  let made = 0;
  await inBatches(async (size) => {
    const next = Math.min(size, count - made);
    if (next > 0) await insert(made + 1, made + next);
    made += next;
    return next;
  }, CHUNK);
}

/** Beginnings of ids that come before and after those of all other users, for `addHolders`. */
export const below = (group: number): string => idsFrom('00000000', group);
export const above = (group: number): string => idsFrom('ffffffff', group);

const idsFrom = (edge: string, group: number): string =>
  `${edge}-${group.toString(16).padStart(4, '0')}`;

/** Users who cannot sign in, with a role if there is one. Their ids begin with `ids` and ascend. */
export async function addHolders(
  db: Query,
  { count, ids, roleId }: { count: number; ids: string; roleId?: string },
): Promise<void> {
  await inChunks(count, async (first, last) => {
    const values = [ids, first, last];
    await db.query(
      {
        name: 'bulk-users',
        text: `INSERT INTO users (id, email, email_canonical, created_at, updated_at)
          SELECT ${IN_ORDER('$1', 'n')}, email, email, now(), now()
          FROM generate_series($2::int, $3::int) AS n, concat('bulk-', $1::text, '-', n, '@example.com') AS email`,
      },
      values,
    );
    if (roleId === undefined) return;
    await db.query(
      {
        name: 'bulk-holders',
        text: `INSERT INTO user_roles (user_id, role_id, created_at)
          SELECT ${IN_ORDER('$1', 'n')}, $4, now() FROM generate_series($2::int, $3::int) AS n`,
      },
      [...values, roleId],
    );
  });
}

/** Live sessions of a user, each with a sign-in in the history and a grant of `clientId`, a minute old. */
export async function addSessions(
  db: Query,
  { count, userId, clientId }: { count: number; userId: string; clientId: string },
): Promise<void> {
  await inChunks(count, async (first, last) => {
    const values = [userId, first, last];
    const numbers = `generate_series($2::int, $3::int) AS n, concat('bulk-', $1::text, '-', n) AS session`;
    const at = `now() - interval '1 minute'`;
    await db.query(
      {
        name: 'bulk-sessions',
        text: `INSERT INTO sessions (id, user_id, amr, device, ip, auth_time, created_at, last_seen)
          SELECT session, $1::uuid, '{pwd}', 'bulk', '192.0.2.1', ${at}, ${at}, ${at} FROM ${numbers}`,
      },
      values,
    );
    await db.query(
      {
        name: 'bulk-history',
        text: `INSERT INTO login_history (id, user_id, session_id, method, device, ip, auth_date)
          SELECT gen_random_uuid(), $1::uuid, session, 'pwd', 'bulk', '192.0.2.1', ${at} FROM ${numbers}`,
      },
      values,
    );
    await db.query(
      {
        name: 'bulk-session-grants',
        text: `INSERT INTO grants (id, user_id, client_id, session_id, payload, created_at, expires_at)
          SELECT 'grant-' || session, $1::uuid, $4, session, '{"openid":{"scope":"openid"}}', ${at},
            now() + interval '1 day' FROM ${numbers}`,
      },
      [...values, clientId],
    );
  });
}

/** Live grants of a client, of users of `addHolders` in turn, without a session, a minute old. */
export async function addGrants(
  db: Query,
  { count, clientId, users, ids }: { count: number; clientId: string; users: number; ids: string },
): Promise<void> {
  await inChunks(count, (first, last) =>
    db.query(
      {
        name: 'bulk-grants',
        text: `INSERT INTO grants (id, user_id, client_id, payload, offline, created_at, expires_at)
          SELECT concat('bulk-', $1::text, '-', n), ${IN_ORDER('$2', '1 + n % $5::int')}, $1,
            '{"openid":{"scope":"openid offline_access"}}', true, now() - interval '1 minute',
            now() + interval '1 day' FROM generate_series($3::int, $4::int) AS n`,
      },
      [clientId, ids, first, last, users],
    ),
  );
}

/** Sessions of PostgreSQL that wait for a lock of another one. */
export async function lockWaiters(db: Query): Promise<number> {
  const [row] = await db.query<{ count: number }>(
    {
      name: 'bulk-lock-waiters',
      text: `SELECT count(*)::int AS count FROM pg_stat_activity
        WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0`,
    },
    [],
  );
  return row?.count ?? 0;
}
