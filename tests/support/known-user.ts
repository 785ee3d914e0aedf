/** Somebody of whom every plugin keeps something, and where it is kept. */
import { hash, randomUUID } from 'node:crypto';
import { createUser, signedInBrowser } from './people.ts';
import { codeOf, createRelyingParty } from './relying-party.ts';
import type { TestApp } from './test-app.ts';

/** A row of each table about this user, where signing in, consenting and asking for mails has not made one. */
const EXTRA_ROWS: Readonly<Record<string, string>> = {
  email_links: `INSERT INTO email_links (code_hash, purpose, user_id, email, created_at, expires_at)
    SELECT 'HASH-' || id, 'verify-email', id, email, now(), now() + interval '1 day' FROM users WHERE id = $1`,
  identities: `INSERT INTO identities (id, user_id, provider, issuer, subject, email, tokens, created_at, last_used_at)
    SELECT gen_random_uuid(), id, 'google', 'https://idp.example.com', id, email, 'CANARY-TOKENS', now(), now()
    FROM users WHERE id = $1`,
};

/** Any statement, on the app's database. */
export const query = <Row extends object>(
  app: TestApp,
  text: string,
  values: readonly unknown[] = [],
): Promise<Row[]> =>
  app.database.database.query<Row>({ name: `test-${hash('md5', text)}`, text }, values);

/** Every table that says whose its rows are; partitions count as the table they are of. */
const tablesOfUsers = async (app: TestApp): Promise<string[]> => {
  const rows = await query<{ name: string }>(
    app,
    `SELECT table_name AS name FROM information_schema.columns
      JOIN pg_class ON relname = table_name AND NOT relispartition
      WHERE column_name = 'user_id' AND table_schema = 'public' ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
};

/** Rows of this user by table. */
export const countRows = async (app: TestApp, userId: string): Promise<Record<string, number>> => {
  const counts: Record<string, number> = {};
  for (const table of await tablesOfUsers(app)) {
    const [row] = await query<{ count: number }>(
      app,
      `SELECT count(*)::int FROM ${table} WHERE user_id = $1`,
      [userId],
    );
    counts[table] = row?.count ?? 0;
  }
  return counts;
};

/** Signed in, with a client that was allowed something, a mailed link and an identity. */
export const createKnownUser = async (app: TestApp) => {
  const user = await createUser(app, ['editor']);
  const browser = await signedInBrowser(app, user);
  const rp = await createRelyingParty(app, { first_party: false });
  const consent = await rp.authorize(browser, { scope: 'openid profile' });
  const allowed = await browser.submit(consent, {}, ({ action }) => /\/allow$/.test(action));
  const { body } = await rp.redeem(codeOf(allowed));
  await query(
    app,
    `INSERT INTO mails (id, recipient, user_id, template, locals, state, next_attempt_at, created_at)
      VALUES ($1, $2, $3, 'verify-email', '{"url":"CANARY-URL"}', 'queued', now(), now())`,
    [randomUUID(), user.email, user.id],
  );
  const counts = await countRows(app, user.id);
  for (const [table, sql] of Object.entries(EXTRA_ROWS)) {
    if (counts[table] === 0) await query(app, sql, [user.id]);
  }
  return { user, browser, rp, tokens: body };
};
