/** What a database, a role or the environment may say of sessions, and whom it concerns. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import { Client, DatabaseError } from 'pg';
import { withMigrators } from '../../src/migrations.ts';
import { type OpenDatabase, openDatabase } from '../../src/storage/database.ts';
import { endsSession, isStalePlan } from '../../src/storage/database-failures.ts';
import { diagnosePostgres } from '../../src/storage/diagnose-database.ts';
import { authsrv } from '../support/authsrv.ts';
import { query } from '../support/known-user.ts';
import { silentLog } from '../support/log.ts';
import { PASSWORD } from '../support/people.ts';
import { SECRET_KEY } from '../support/server-process.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

/** Each changes what is written, read or understood, or ends a session or a statement early; those of a group at once. */
const HOSTILE: Readonly<Record<string, readonly (readonly [name: string, value: string])[]>> = {
  'the language of dates and texts': [
    ['DateStyle', 'German'],
    ['IntervalStyle', "'iso_8601'"],
    ['TimeZone', "'Asia/Kathmandu'"],
    ['client_encoding', "'LATIN1'"],
    ['bytea_output', "'escape'"],
    ['extra_float_digits', '-15'],
    ['client_min_messages', "'debug5'"],
    ['search_path', 'pg_catalog, public'],
  ],
  'the meaning of statements': [
    ['DateStyle', 'SQL, DMY'],
    ['TimeZone', "'America/St_Johns'"],
    ['standard_conforming_strings', 'off'],
    ['escape_string_warning', 'on'],
    ['backslash_quote', "'off'"],
    ['array_nulls', 'off'],
    ['transform_null_equals', 'on'],
    ['quote_all_identifiers', 'on'],
    ['row_security', 'off'],
    ['exit_on_error', 'on'],
  ],
  'transactions, durability and plans': [
    ['DateStyle', 'Postgres, MDY'],
    ['default_transaction_isolation', "'serializable'"],
    ['default_transaction_deferrable', 'on'],
    ['synchronous_commit', 'off'],
    ['plan_cache_mode', "'force_generic_plan'"],
    ['enable_indexscan', 'off'],
    ['jit_above_cost', '0'],
  ],
  'limits of time': [
    ['default_transaction_isolation', "'repeatable read'"],
    ['lock_timeout', "'1ms'"],
    ['statement_timeout', "'20ms'"],
    ['idle_in_transaction_session_timeout', "'1ms'"],
    ['idle_session_timeout', "'50ms'"],
    ['transaction_timeout', "'20ms'"],
  ],
};

/** What a session of ours says in any case, those that this PostgreSQL knows. */
const OURS: Readonly<Record<string, string>> = {
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  client_encoding: 'UTF8',
  bytea_output: 'hex',
  extra_float_digits: '1',
  client_min_messages: 'warning',
  standard_conforming_strings: 'on',
  array_nulls: 'on',
  transform_null_equals: 'off',
  quote_all_identifiers: 'off',
  row_security: 'on',
  exit_on_error: 'off',
  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
  lock_timeout: '0',
  statement_timeout: '5000',
  idle_in_transaction_session_timeout: '5000',
  idle_session_timeout: '0',
  transaction_timeout: '0',
};
const SESSION = {
  name: 'session',
  text: `SELECT jsonb_object_agg(name, setting) AS settings, current_setting('synchronous_commit') AS commit,
    '2026-02-03 04:05:06.789Z'::timestamptz AS moment FROM pg_settings WHERE name = ANY($1)`,
};

describe('settings of the database that are not ours', function () {
  this.timeout(20_000);
  let app: TestApp;
  let admin: Client;
  let name: string;
  before(async () => {
    app = await startTestApp();
    admin = new Client({ connectionString: app.database.url });
    await admin.connect();
    const { rows } = await admin.query<{ name: string }>('SELECT current_database() AS name');
    name = rows[0]?.name ?? '';
  });
  after(async () => {
    await admin.end();
    await app.close();
  });

  /** Sessions from now on have the settings; those of before are gone. */
  const setForAll = async (settings: readonly (readonly [name: string, value: string])[]) => {
    await admin.query(`ALTER DATABASE ${name} RESET ALL`);
    for (const [setting, value] of settings) {
      // Newer versions know more.
      const known = 'SELECT FROM pg_settings WHERE lower(name) = lower($1)';
      if ((await admin.query(known, [setting])).rowCount === 0) continue;
      await admin.query(`ALTER DATABASE ${name} SET ${setting} = ${value}`);
    }
    await admin.query(
      'SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()',
      [name],
    );
    await nextTurn();
  };

  /** A person's whole way. */
  async function goTheWholeWay(): Promise<void> {
    const browser = app.browser();
    const email = `${crypto.randomUUID()}@example.com`;
    const ok = async (path: string, options?: Parameters<typeof browser.request>[1]) => {
      const answer = await browser.request(path, options);
      expect(answer.status, `${path} ${answer.text}`).to.be.within(200, 204);
      return answer;
    };
    const person = { email, password: PASSWORD };
    await ok('/auth/register', { json: { ...person, name: "Zoë 🦉 O'Hara \\" } });
    await ok('/auth/login', { json: person });
    await ok('/auth/refresh', { method: 'POST' });
    const now = await query<{ now: Date }>(app, 'SELECT now() AS now');
    const sessions = (await ok('/auth/sessions')).json() as unknown as {
      readonly sessions: readonly { readonly created_at: string }[];
    };
    const exported = (await ok('/auth/me/export')).text;
    expect(exported).to.contain('Zoë 🦉 O').and.to.contain('login_history');
    const [created] = JSON.stringify(sessions).match(/\d{4}-\d\d-\d\dT[\d:.]+Z/) ?? [];
    const age = (now[0]?.now.getTime() ?? 0) - Date.parse(created ?? '');
    expect(Math.abs(age)).to.be.lessThan(60_000);
  }

  for (const [what, settings] of Object.entries(HOSTILE)) {
    it(`B-17 ${what} are ours, whatever the database says`, async () => {
      await setForAll(settings);
      try {
        await goTheWholeWay();
        expect(await diagnosePostgres(app.storage.db).check()).to.deep.equal([]);
        await expectOurs(app.storage.db);
      } finally {
        await setForAll([]);
      }
    });
  }

  async function expectOurs(database: OpenDatabase): Promise<void> {
    const [session] = await database.query<{ settings: object; commit: string; moment: Date }>(
      SESSION,
      [Object.keys(OURS)],
    );
    const known = Object.keys(session?.settings ?? {});
    expect(known).to.include.members(['DateStyle', 'idle_session_timeout']);
    const expected = known.map((setting) => [setting, OURS[setting]]);
    expect(session?.settings).to.deep.equal(Object.fromEntries(expected));
    // With `off`, an acknowledged commit may be lost.
    expect(session?.commit).to.be.oneOf(['on', 'local']);
    expect(session?.moment).to.deep.equal(new Date('2026-02-03T04:05:06.789Z'));
  }

  const expectOursAt = async (url: string): Promise<void> => {
    const database: OpenDatabase = openDatabase({
      connection: { connectionString: url },
      poolSize: 1,
      log: silentLog,
    });
    try {
      await expectOurs(database);
    } finally {
      await database.close();
    }
  };

  it('B-17 neither do those of a role, or of the URL', async () => {
    const role = `hostile_${process.pid}`;
    const hostile = { DateStyle: 'German', statement_timeout: '1min', TimeZone: 'Asia/Tokyo' };
    await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'x'`);
    try {
      for (const [setting, value] of Object.entries(hostile)) {
        await admin.query(`ALTER ROLE ${role} SET ${setting} = '${value}'`);
      }
      const options = Object.entries(hostile).map(([setting, value]) => `-c ${setting}=${value}`);
      const url = app.database.url.replace(/^(\w+:\/\/)[^@]*@/, `$1${role}:x@`);
      await expectOursAt(url);
      const query = new URLSearchParams({ options: options.join(' ') });
      const joint = app.database.url.includes('?') ? '&' : '?';
      const withOptions = `${app.database.url}${joint}${String(query)}`;
      await expectOursAt(withOptions);
    } finally {
      await admin.query(`DROP ROLE ${role}`);
    }
  });

  it('B-17 PGOPTIONS and its like change nothing, and the tables may be in a schema of their own', async () => {
    const role = `own_schema_${process.pid}`;
    await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'x'`);
    await admin.query(`CREATE SCHEMA ${role} AUTHORIZATION ${role}`);
    await admin.query(`ALTER ROLE ${role} SET search_path = ${role}`);
    try {
      const url = app.database.url.replace(/^(\w+:\/\/)[^@]*@/, `$1${role}:x@`);
      const env = {
        DATABASE_URL: url,
        PGOPTIONS:
          '-c DateStyle=German -c statement_timeout=1min -c default_transaction_isolation=serializable',
        PGTZ: 'Asia/Tokyo',
        PGDATESTYLE: 'German',
        PGCLIENTENCODING: 'LATIN1',
        PGHOST: 'nowhere.invalid',
        PGPORT: '1',
        PGAPPNAME: 'hostile',
      };
      const connection = { connectionString: url };
      await withMigrators({ connection, plugins: [], log: silentLog }, ([core]) => core.up());
      const tables = await admin.query<{ schemaname: string }>(
        `SELECT schemaname FROM pg_tables WHERE tableowner = '${role}' GROUP BY 1`,
      );
      expect(tables.rows).to.deep.equal([{ schemaname: role }]);
      const input = { env, stdin: PASSWORD };
      const made = await authsrv(['create-superuser', 'ann@example.com', '--password-stdin'], {
        ...input,
        env: { ...env, SECRET_KEY },
      });
      expect(made.code, made.stderr).to.equal(0);
      const users = await admin.query<{ age: number }>(
        `SELECT extract(epoch FROM now() - created_at)::float8 AS age FROM ${role}.users`,
      );
      expect(Math.abs(users.rows[0]?.age ?? Infinity)).to.be.lessThan(600);
    } finally {
      await admin.query(`DROP OWNED BY ${role} CASCADE`);
      await admin.query(`DROP ROLE ${role}`);
    }
  });

  it('B-17 nor the language of messages: what ends a session or a plan is told by code', () => {
    const failure = (severity: string, code: string, routine: string) =>
      Object.assign(new DatabaseError('eine Meldung', 1, 'error'), { severity, code, routine });
    expect(endsSession(failure('ВАЖНО', '57P01', 'ProcessInterrupts'))).to.equal(true);
    expect(endsSession(failure('FEHLER', '23505', '_bt_check_unique'))).to.equal(false);
    expect(isStalePlan(failure('FEHLER', '0A000', 'RevalidateCachedQuery'))).to.equal(true);
    expect(isStalePlan(failure('FEHLER', '0A000', 'anything'))).to.equal(false);
  });
});
