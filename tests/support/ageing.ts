/** Lets time pass where PostgreSQL's clock decides: what happened to a user's grants happened longer ago. */
import type { TestApp } from './test-app.ts';

const age = (column: 'rotated_at' | 'code_used_at') => ({
  name: `test-age-${column}`,
  text: `UPDATE grants SET ${column} = ${column} - $2::float8 * interval '1 second' WHERE user_id = $1`,
});

/** Every last rotation of a refresh token was `seconds` earlier. */
export async function ageRotations(app: TestApp, userId: string, seconds: number): Promise<void> {
  await app.database.database.query(age('rotated_at'), [userId, seconds]);
}

/** Every code was redeemed `seconds` earlier. */
export async function ageRedemptions(app: TestApp, userId: string, seconds: number): Promise<void> {
  await app.database.database.query(age('code_used_at'), [userId, seconds]);
}

/** Everything about one session happened `seconds` earlier. */
export async function ageSessions(app: TestApp, sessionId: string, seconds: number): Promise<void> {
  const statement = {
    name: 'test-age-session',
    text: `UPDATE sessions SET last_seen = last_seen - $2::float8 * interval '1 second',
      created_at = created_at - $2::float8 * interval '1 second',
      ended_at = ended_at - $2::float8 * interval '1 second' WHERE id = $1`,
  };
  await app.database.database.query(statement, [sessionId, seconds]);
}

/** What the state store on PostgreSQL keeps of a model of oidc-provider was written `seconds` earlier. */
export async function ageRecords(app: TestApp, model: string, seconds: number): Promise<void> {
  const statement = {
    name: 'test-age-records',
    text: `UPDATE state_store SET expires_at = expires_at - $2::float8 * interval '1 second'
      WHERE key LIKE 'oidc:' || $1 || ':%'`,
  };
  await app.database.database.query(statement, [model, seconds]);
}
