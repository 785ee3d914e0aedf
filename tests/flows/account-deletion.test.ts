import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { type User, Users } from '../../src/plugins/users/contract.ts';
import type { Browser } from '../support/browser.ts';
import { countRows, createKnownUser, query } from '../support/known-user.ts';
import {
  createUser,
  createUserNamed,
  login,
  PASSWORD,
  signedInBrowser,
} from '../support/people.ts';
import { codeOf, type RelyingParty } from '../support/relying-party.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';

for (const store of storeKinds) {
  describe(`account deletion, state store on ${store}`, () => {
    let app: TestApp;
    before(async () => {
      app = await startTestApp({ store });
      await createUser(app, ['superuser']);
    });
    after(() => app.close());

    const deleteOwn = (browser: Browser) => browser.request('/auth/me', { method: 'DELETE' });

    describe('DELETE /auth/me', () => {
      it('leaves no row of the user in any table, and touches nobody else’s', async () => {
        const { user, browser } = await createKnownUser(app);
        const { user: other } = await createKnownUser(app);
        const before = await countRows(app, user.id);
        for (const [table, count] of Object.entries(before)) {
          expect(
            count,
            `${table}: this test makes no row of it; see tests/support/known-user.ts`,
          ).to.be.above(0);
        }
        const others = await countRows(app, other.id);
        const answer = await deleteOwn(browser);
        expect(answer.status, answer.text).to.equal(204);
        const left = await countRows(app, user.id);
        expect(left).to.deep.equal(Object.fromEntries(Object.keys(before).map((t) => [t, 0])));
        expect(await countRows(app, other.id)).to.deep.equal(others);
        expect(await query(app, 'SELECT FROM users WHERE id = $1', [user.id])).to.deep.equal([]);
        expect(
          await query(app, 'SELECT FROM mails WHERE recipient = $1', [user.email]),
        ).to.deep.equal([]);
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
          app,
          `SELECT quote_ident(table_name) AS name FROM information_schema.tables
            WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`,
        );
        const found: string[] = [];
        for (const { name } of tables) {
          const rows = await query(app, `SELECT FROM ${name} AS t WHERE strpos(t::text, $1) > 0`, [
            text,
          ]);
          if (rows.length > 0) found.push(name);
        }
        return found;
      };

      it('SEC-51 SEC-28 ends everything at once and clears the cookies', async () => {
        const { user, browser, rp, tokens } = await createKnownUser(app);
        const phone = await signedInBrowser(app, user);
        const access = (await browser.cookie('authsrv-access')) ?? '';
        const answer = await deleteOwn(browser);
        expect(answer.headers.get('clear-site-data')).to.equal(null);
        for (const name of ['authsrv-session', 'authsrv-access', 'authsrv-refresh']) {
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
        const { user, browser, rp } = await createKnownUser(app);
        const code = codeOf(await rp.authorize(browser, { scope: 'openid profile' }));
        expect((await deleteOwn(browser)).status).to.equal(204);
        const { status, body } = await rp.redeem(code);
        expect([status, body.error]).to.deep.equal([400, 'invalid_grant']);
        expect(await app.app.use(Users).find(user.id)).to.equal(undefined);
      });

      it('SEC-39 whoever registers the address again is somebody else, with nothing of before', async () => {
        const { user, browser, rp, tokens } = await createKnownUser(app);
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
        const { user, browser } = await createKnownUser(app);
        await query(
          app,
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
        const { browser } = await createKnownUser(app);
        const answers = await Promise.all(Array.from({ length: 10 }, () => deleteOwn(browser)));
        const statuses = answers.map(({ status }) => status);
        expect(statuses.filter((status) => status === 204)).to.have.lengthOf(1);
        for (const status of statuses) expect(status).to.be.oneOf([204, 401, 403, 404]);
      });
    });

    describe('a deletion that fails half-way', () => {
      it('has deleted nothing and ended nothing', async () => {
        const { user, browser } = await createKnownUser(app);
        const before = await countRows(app, user.id);
        // Another plugin's table, without a cascade and without a word to us.
        await query(
          app,
          `CREATE TABLE IF NOT EXISTS test_clings (owner uuid REFERENCES users ON DELETE RESTRICT)`,
        );
        await query(app, 'INSERT INTO test_clings (owner) VALUES ($1)', [user.id]);
        expect((await deleteOwn(browser)).status).to.equal(500);
        expect(await countRows(app, user.id)).to.deep.equal(before);
        expect((await browser.request('/auth/me')).status).to.equal(200);
        await query(app, 'DROP TABLE test_clings');
        expect((await deleteOwn(browser)).status).to.equal(204);
        expect(await userIsGone(user)).to.equal(true);
      });

      const userIsGone = async ({ id }: User): Promise<boolean> =>
        (await app.app.use(Users).find(id)) === undefined;
    });
  });
}
