/**
 * The state store's statements: one for each method, so each is atomic by itself. Lifetimes are
 * measured by PostgreSQL's clock; a record past its end counts as absent, swept or not.
 */
import type { Statement } from '../kernel/store.ts';
import { TOKEN_TOLERANCE } from './store-arguments.ts';

const define = (name: string, text: string): Statement => ({ name: `state-store.${name}`, text });

export const GET = define(
  'get',
  'SELECT value FROM state_store WHERE key = $1 AND expires_at > now()',
);

const INSERT = `INSERT INTO state_store (key, value, expires_at)
  VALUES ($1, $2, now() + $3::integer * interval '1 second')
  ON CONFLICT (key) DO UPDATE
  SET value = excluded.value, uses = 0, expires_at = excluded.expires_at`;

export const SET = define('set', INSERT);

export const SET_IF_ABSENT = define(
  'set-if-absent',
  `${INSERT} WHERE state_store.expires_at <= now() RETURNING key`,
);

export const TAKE = define(
  'take',
  'DELETE FROM state_store WHERE key = $1 RETURNING value, expires_at > now() AS live',
);

/** A counter rather than a mark: RETURNING sees only the new row, and must tell who was first. */
export const CONSUME_ONCE = define(
  'consume-once',
  `UPDATE state_store SET uses = uses + 1 WHERE key = $1 AND expires_at > now()
  RETURNING uses = 1 AS first, value`,
);

export const EXPIRE = define(
  'expire',
  `UPDATE state_store SET expires_at = now() + $2::integer * interval '1 second'
  WHERE key = $1 AND expires_at > now() RETURNING key`,
);

export const DELETE = define('delete', 'DELETE FROM state_store WHERE key = $1');

export const PING = define('ping', 'SELECT 1');

export const PUBLISH = define('publish', 'SELECT pg_notify($1, $2)');

/** What the bucket holds after `tokens`, and when it will be full. $2 capacity, $3 refill, $4 cost. */
const charge = (tokens: string, at: string) => `
  SELECT charged.tokens, charged.allowed, charged.at,
    charged.at + ($2::float8 - charged.tokens) / $3::float8 * interval '1 second'
  FROM (
    SELECT refilled.tokens + ${TOKEN_TOLERANCE} >= $4::float8 AS allowed, refilled.at,
      CASE WHEN refilled.tokens + ${TOKEN_TOLERANCE} >= $4::float8
        THEN greatest(0, refilled.tokens - $4::float8) ELSE refilled.tokens END AS tokens
    FROM (SELECT ${tokens} AS tokens, ${at} AS at) AS refilled
  ) AS charged`;

/**
 * now() is when the statement began, so a call that waited for the row may carry an earlier time
 * than the row: counting that stretch twice would give tokens away. A time far ahead is a clock that
 * was set back, and is not waited for.
 */
const CHARGED_AT = `CASE WHEN bucket.charged_at > now() + interval '10 seconds'
  THEN now() ELSE greatest(bucket.charged_at, now()) END`;

const REFILLED = `least($2::float8, bucket.tokens
  + greatest(0, extract(epoch FROM now() - bucket.charged_at)::float8) * $3::float8)`;

export const TAKE_TOKENS = define(
  'take-tokens',
  `INSERT INTO rate_buckets AS bucket (key, tokens, allowed, charged_at, full_at)
  SELECT $1, charge.* FROM (${charge('$2::float8', 'now()')}) AS charge
  ON CONFLICT (key) DO UPDATE
  SET (tokens, allowed, charged_at, full_at) = (${charge(REFILLED, CHARGED_AT)})
  RETURNING allowed, tokens`,
);

/** $1: how many rows at most. Rows in use are left for the next time. */
export const SWEEP = [
  define(
    'sweep',
    `DELETE FROM state_store WHERE key IN (
      SELECT key FROM state_store WHERE expires_at <= now()
      ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)
    RETURNING key`,
  ),
  define(
    'sweep-buckets',
    `DELETE FROM rate_buckets WHERE key IN (
      SELECT key FROM rate_buckets WHERE full_at <= now() LIMIT $1 FOR UPDATE SKIP LOCKED)
    RETURNING key`,
  ),
];
