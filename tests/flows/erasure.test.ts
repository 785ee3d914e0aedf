import { hash, randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { type User, Users } from '../../src/plugins/users/contract.ts';
import type { Browser } from '../support/browser.ts';
import {
  createUser,
  createUserNamed,
  login,
  PASSWORD,
  signedInBrowser,
} from '../support/people.ts';
import { codeOf, createRelyingParty, type RelyingParty } from '../support/relying-party.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';

interface Export {
  readonly issuer: string;
  readonly user_id: string;
  readonly data: Readonly<Record<string, Readonly<Record<string, unknown>>[]>>;
}

/** A row of each table about this user, where signing in, consenting and asking for mails has not made one. */
const EXTRA_ROWS: Readonly<Record<string, string>> = {
  email_links: `INSERT INTO email_links (code_hash, purpose, user_id, email, created_at, expires_at)
    SELECT 'HASH-' || id, 'verify-email', id, email, now(), now() + interval '1 day' FROM users WHERE id = $1`,
  identities: `INSERT INTO identities (id, user_id, provider, issuer, subject, email, tokens, created_at, last_used_at)
    SELECT gen_random_uuid(), id, 'google', 'https://idp.example.com', id, email, 'CANARY-TOKENS', now(), now()
    FROM users WHERE id = $1`,
};

/** By which column of `data` each table's rows are told to the user. */
const SECTIONS: Readonly<Record<string, string>> = {
  consents: 'consents',
  email_links: 'email_links',
  grants: 'grants',
  identities: 'identities',
  login_history: 'login_history',
  sessions: 'sessions',
  user_roles: 'roles',
};

for (const store of storeKinds) {
  describe(`account deletion and export, state store on ${store}`, () => {
    let app: TestApp;
    before(async () => {
      app = await startTestApp({ store });
      await createUser(app, ['superuser']);
    });
    after(() => app.close());

    const query = <Row extends object>(text: string, values: readonly unknown[] = []) =>
      app.database.database.query<Row>({ name: `test-${hash('md5', text)}`, text }, values);

    /** Every table that says whose its rows are; partitions count as the table they are of. */
    const tablesOfUsers = async (): Promise<string[]> => {
      const rows = await query<{ name: string }>(
        `SELECT table_name AS name FROM information_schema.columns
          JOIN pg_class ON relname = table_name AND NOT relispartition
          WHERE column_name = 'user_id' AND table_schema = 'public' ORDER BY 1`,
      );
      return rows.map(({ name }) => name);
    };

    const countRows = async (userId: string): Promise<Record<string, number>> => {
      const counts: Record<string, number> = {};
      for (const table of await tablesOfUsers()) {
        const [row] = await query<{ count: number }>(
          `SELECT count(*)::int FROM ${table} WHERE user_id = $1`,
          [userId],
        );
        counts[table] = row?.count ?? 0;
      }
      return counts;
    };

    /** Somebody of whom every plugin keeps something. */
    const createKnownUser = async () => {
      const user = await createUser(app, ['editor']);
      const browser = await signedInBrowser(app, user);
      const rp = await createRelyingParty(app, { first_party: false });
      const consent = await rp.authorize(browser, { scope: 'openid profile' });
      const allowed = await browser.submit(consent, {}, ({ action }) => /\/allow$/.test(action));
      const { body } = await rp.redeem(codeOf(allowed));
      await query(
        `INSERT INTO mails (id, recipient, template, locals, state, next_attempt_at, created_at)
          VALUES ($1, $2, 'verify-email', '{"url":"CANARY-URL"}', 'queued', now(), now())`,
        [randomUUID(), user.email],
      );
      const counts = await countRows(user.id);
      for (const [table, sql] of Object.entries(EXTRA_ROWS)) {
        if (counts[table] === 0) await query(sql, [user.id]);
      }
      return { user, browser, rp, tokens: body };
    };

    const deleteOwn = (browser: Browser) => browser.request('/auth/me', { method: 'DELETE' });

    describe('DELETE /auth/me', () => {
      it('leaves no row of the user in any table, and touches nobody else’s', async () => {
        const { user, browser } = await createKnownUser();
        const { user: other } = await createKnownUser();
        const before = await countRows(user.id);
        for (const [table, count] of Object.entries(before)) {
          expect(count, `${table}: this test makes no row of it; see EXTRA_ROWS`).to.be.above(0);
        }
        const others = await countRows(other.id);
        const answer = await deleteOwn(browser);
        expect(answer.status, answer.text).to.equal(204);
        const left = await countRows(user.id);
        expect(left).to.deep.equal(Object.fromEntries(Object.keys(before).map((t) => [t, 0])));
        expect(await countRows(other.id)).to.deep.equal(others);
        expect(await query('SELECT FROM users WHERE id = $1', [user.id])).to.deep.equal([]);
        expect(await query('SELECT FROM mails WHERE recipient = $1', [user.email])).to.deep.equal(
          [],
        );
      });

      it('leaves no text with the address or the name anywhere in the database', async () => {
        const tag = `trace-${randomUUID().slice(0, 8)}`;
        const user = await createUserNamed(app, `${tag}@example.com`, ['editor']);
        const browser = await signedInBrowser(app, user);
        await browser.request('/auth/me', { method: 'PATCH', json: { name: `Ana ${tag}` } });
        expect(await tablesWith(tag)).to.include('users');
        expect((await deleteOwn(browser)).status).to.equal(204);
        expect(await tablesWith(tag)).to.deep.equal([]);
      });

      const tablesWith = async (text: string): Promise<string[]> => {
        const tables = await query<{ name: string }>(
          `SELECT quote_ident(table_name) AS name FROM information_schema.tables
            WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`,
        );
        const found: string[] = [];
        for (const { name } of tables) {
          const rows = await query(`SELECT FROM ${name} AS t WHERE strpos(t::text, $1) > 0`, [
            text,
          ]);
          if (rows.length > 0) found.push(name);
        }
        return found;
      };

      it('SEC-51 SEC-28 ends everything at once and clears the cookies', async () => {
        const { user, browser, rp, tokens } = await createKnownUser();
        const phone = await signedInBrowser(app, user);
        const access = (await browser.cookie('access')) ?? '';
        const answer = await deleteOwn(browser);
        expect(answer.headers.get('clear-site-data')).to.equal('"storage"');
        for (const name of ['session', 'access', 'refresh']) {
          expect(await browser.cookie(name), name).to.equal(undefined);
        }
        expect((await phone.request('/auth/me')).status).to.equal(401);
        expect((await phone.request('/auth/refresh', { method: 'POST' })).status).to.equal(401);
        const bearer = { headers: { authorization: `Bearer ${access}` } };
        expect((await app.browser().request('/auth/me', bearer)).status).to.equal(401);
        const refreshed = await rp.refresh(tokens.refresh_token ?? '');
        expect([refreshed.status, refreshed.body.error]).to.deep.equal([400, 'invalid_grant']);
        const introspected = await rp.post('/oidc/introspect', {
          token: tokens.access_token ?? '',
        });
        expect(introspected.json()).to.deep.equal({ active: false });
        expect((await login(app.browser(), user)).status).to.equal(401);
        const page = await rp.authorize(phone, { prompt: 'none' });
        expect(page.location?.searchParams.get('error')).to.equal('login_required');
      });

      it('SEC-51 a code that was on its way is worth nothing', async () => {
        const { user, browser, rp } = await createKnownUser();
        const code = codeOf(await rp.authorize(browser, { scope: 'openid profile' }));
        expect((await deleteOwn(browser)).status).to.equal(204);
        const { status, body } = await rp.redeem(code);
        expect([status, body.error]).to.deep.equal([400, 'invalid_grant']);
        expect(await app.app.use(Users).find(user.id)).to.equal(undefined);
      });

      it('SEC-39 whoever registers the address again is somebody else, with nothing of before', async () => {
        const { user, browser, rp, tokens } = await createKnownUser();
        await deleteOwn(browser);
        const again = await createUserNamed(app, user.email);
        expect(again.id).to.not.equal(user.id);
        const me = await signedInBrowser(app, again);
        expect((await me.request('/auth/me')).json()).to.deep.include({ id: again.id, roles: [] });
        const history = (await me.request('/auth/login-history')).json<{ logins: object[] }>();
        expect(history.logins).to.have.lengthOf(1);
        expect(await consentIsAsked(rp, me)).to.equal(true);
        expect((await rp.refresh(tokens.refresh_token ?? '')).body.error).to.equal('invalid_grant');
      });

      const consentIsAsked = async (rp: RelyingParty, browser: Browser): Promise<boolean> =>
        (await rp.authorize(browser, { scope: 'openid profile' })).status === 200;

      it('needs a sign-in within the last 5 minutes, and no token of a client', async () => {
        const { user, browser } = await createKnownUser();
        await query(
          `UPDATE sessions SET auth_time = auth_time - interval '301 s' WHERE user_id = $1`,
          [user.id],
        );
        const refused = await deleteOwn(browser);
        expect(refused.status).to.equal(403);
        expect(refused.json()['type']).to.equal('urn:problem:http:reauthentication-required');
        expect((await browser.request('/auth/me')).status).to.equal(200);
        await browser.request('/auth/reauthenticate', { json: { password: PASSWORD } });
        expect((await deleteOwn(browser)).status).to.equal(204);
        expect((await deleteOwn(app.browser())).status).to.equal(401);
      });

      it('SEC-79 keeps the last active superuser', async () => {
        const own = await startTestApp({ store });
        try {
          const [first, second] = [
            await createUser(own, ['superuser']),
            await createUser(own, ['superuser']),
          ];
          const [one, two] = [
            await signedInBrowser(own, first),
            await signedInBrowser(own, second),
          ];
          expect((await deleteOwn(one)).status).to.equal(204);
          const refused = await deleteOwn(two);
          expect(refused.status).to.equal(409);
          expect(refused.json()['type']).to.equal('urn:problem:users:last-superuser');
          expect((await two.request('/users')).status).to.equal(200);
        } finally {
          await own.close();
        }
      });

      it('deletes once when asked 10 times at once', async () => {
        const { browser } = await createKnownUser();
        const answers = await Promise.all(Array.from({ length: 10 }, () => deleteOwn(browser)));
        const statuses = answers.map(({ status }) => status);
        expect(statuses.filter((status) => status === 204)).to.have.lengthOf(1);
        for (const status of statuses) expect(status).to.be.oneOf([204, 401, 403, 404]);
      });
    });

    describe('GET /auth/me/export', () => {
      const exportOf = async (browser: Browser): Promise<Export> => {
        const answer = await browser.request('/auth/me/export');
        expect(answer.status, answer.text).to.equal(200);
        expect(answer.headers.get('content-disposition')).to.match(
          /^attachment; filename="account-\d{4}-\d\d-\d\d\.json"$/,
        );
        return answer.json() as unknown as Export;
      };

      it('tells what every table has of the user', async () => {
        const { user, browser, rp } = await createKnownUser();
        await signedInBrowser(app, user);
        const found = await exportOf(browser);
        expect(found).to.deep.include({ issuer: app.issuer, user_id: user.id });
        for (const [table, count] of Object.entries(await countRows(user.id))) {
          const section = SECTIONS[table] ?? table;
          expect(found.data[section], `section ${section} of table ${table}`).to.have.lengthOf(
            count,
          );
        }
        expect(found.data['profile']).to.deep.include({
          id: user.id,
          email: user.email,
          name: 'Test Person',
          has_password: true,
        });
        expect(found.data['roles']?.[0]).to.deep.include({ name: 'editor' });
        expect(found.data['consents']?.[0]).to.deep.include({
          client_id: rp.client.client_id,
          client_name: 'Test App',
        });
        expect(found.data['mails']).to.have.lengthOf(1);
        expect(found.data['login_history']?.[0]).to.include.keys('device', 'ip', 'auth_date');
      });

      it('tells no secret and no hash, and nothing of others', async () => {
        const { user, browser, tokens } = await createKnownUser();
        const { user: other } = await createKnownUser();
        const text = JSON.stringify(await exportOf(browser));
        const cookies = [await browser.cookie('access'), await browser.cookie('refresh')];
        const session = await browser.cookie('session');
        const row = await query<{ password_hash: string }>(
          'SELECT password_hash FROM users WHERE id = $1',
          [user.id],
        );
        const secrets = [
          ...cookies,
          session,
          tokens.access_token,
          tokens.refresh_token,
          tokens.id_token,
          row[0]?.password_hash,
          PASSWORD,
        ].filter((secret) => (secret?.length ?? 0) > 12);
        expect(secrets).to.have.length.above(6);
        for (const secret of secrets) expect(text).to.not.contain(secret);
        expect(text).to.not.match(/argon2|HASH-|CANARY|_hash|rotation_salt/);
        expect(text).to.not.contain(other.id).and.to.not.contain(other.email);
      });

      it('is for the user alone', async () => {
        expect((await app.browser().request('/auth/me/export')).status).to.equal(401);
        const { user, tokens } = await createKnownUser();
        const bearer = { headers: { authorization: `Bearer ${tokens.access_token}` } };
        expect((await app.browser().request('/auth/me/export', bearer)).status).to.equal(403);
        await app.app.use(Users).disable(user.id);
      });
    });

    describe('a deletion that fails half-way', () => {
      it('has deleted nothing and ended nothing', async () => {
        const { user, browser } = await createKnownUser();
        const before = await countRows(user.id);
        // Another plugin's table, without a cascade and without a word to us.
        await query(
          `CREATE TABLE IF NOT EXISTS test_clings (owner uuid REFERENCES users ON DELETE RESTRICT)`,
        );
        await query('INSERT INTO test_clings (owner) VALUES ($1)', [user.id]);
        expect((await deleteOwn(browser)).status).to.equal(500);
        expect(await countRows(user.id)).to.deep.equal(before);
        expect((await browser.request('/auth/me')).status).to.equal(200);
        await query('DROP TABLE test_clings');
        expect((await deleteOwn(browser)).status).to.equal(204);
        expect(await userIsGone(user)).to.equal(true);
      });

      const userIsGone = async ({ id }: User): Promise<boolean> =>
        (await app.app.use(Users).find(id)) === undefined;
    });
  });
}
