import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { Clients } from '../../src/plugins/clients/contract.ts';
import type { User } from '../../src/plugins/users/contract.ts';
import type { Answer, Browser } from '../support/browser.ts';
import { createRecordingLog } from '../support/log.ts';
import {
  createUser,
  createUserNamed,
  login,
  PASSWORD,
  signedInBrowser,
} from '../support/people.ts';
import { codeOf, createRelyingParty } from '../support/relying-party.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';

interface ManagedUser {
  readonly id: string;
  readonly email: string;
  readonly roles: string[];
  readonly disabled: boolean;
  readonly disabled_at: string | null;
}

interface Page {
  readonly users: readonly ManagedUser[];
  readonly next_cursor: string | null;
}

for (const store of storeKinds) {
  describe(`users admin API, state store on ${store}`, () => {
    const log = createRecordingLog();
    let app: TestApp;
    let admin: Browser;
    let root: User;

    before(async () => {
      app = await startTestApp({ store, log });
      root = await createUser(app, ['superuser']);
      admin = await signedInBrowser(app, root);
    });
    after(() => app.close());

    const list = async (params: Record<string, string>): Promise<Page> => {
      const answer = await admin.request(`/users?${new URLSearchParams(params)}`);
      expect(answer.status, answer.text).to.equal(200);
      return answer.json() as unknown as Page;
    };
    const show = async (id: string): Promise<ManagedUser> =>
      (await admin.request(`/users/${id}`)).json();
    const setDisabled = (id: string, disabled: boolean): Promise<Answer> =>
      admin.request(`/users/${id}`, { method: 'PATCH', json: { disabled } });
    const remove = (id: string): Promise<Answer> =>
      admin.request(`/users/${id}`, { method: 'DELETE' });

    describe('GET /users', () => {
      it('shows exactly these members, and no secret', async () => {
        const user = await createUser(app, ['editor']);
        const { users } = await list({ query: user.email });
        expect(users).to.deep.equal([
          {
            id: user.id,
            email: user.email,
            email_verified: false,
            name: 'Test Person',
            locale: null,
            roles: ['editor'],
            disabled: false,
            disabled_at: null,
            created_at: user.createdAt.toISOString(),
          },
        ]);
        expect(await show(user.id)).to.deep.equal(users[0]);
      });

      it('pages through a search, each user once, in order', async () => {
        const tag = `page-${randomUUID().slice(0, 8)}`;
        for (const letter of 'edcba') await createUserNamed(app, `${letter}.${tag}@example.com`);
        const seen: string[] = [];
        let cursor: string | null = null;
        do {
          const page: Page = await list({
            query: tag.toUpperCase(),
            limit: '2',
            ...(cursor && { cursor }),
          });
          expect(page.users.length).to.be.at.most(2);
          seen.push(...page.users.map(({ email }) => email.slice(0, 1)));
          cursor = page.next_cursor;
        } while (cursor);
        expect(seen).to.deep.equal([...'abcde']);
      });

      it('goes on after a user who was deleted meanwhile', async () => {
        const tag = `gone-${randomUUID().slice(0, 8)}`;
        for (const letter of 'abc') await createUserNamed(app, `${letter}.${tag}@example.com`);
        const { users, next_cursor: cursor } = await list({ query: tag, limit: '1' });
        await remove(users[0]?.id ?? '');
        const rest = await list({ query: tag, cursor: cursor ?? '' });
        expect(rest.users.map(({ email }) => email.slice(0, 1))).to.deep.equal(['b', 'c']);
      });

      it('finds names, also those with accents, in any case', async () => {
        const user = await createUser(app);
        const browser = await signedInBrowser(app, user);
        const tag = randomUUID().slice(0, 8);
        await browser.request('/auth/me', {
          method: 'PATCH',
          json: { name: `Élodie Ångström ${tag}` },
        });
        for (const query of [`ÅNGSTRÖM ${tag}`, `élodie ångström ${tag}`.normalize('NFD')]) {
          expect((await list({ query })).users.map(({ id }) => id)).to.deep.equal([user.id]);
        }
      });

      it('SEC-81 knows no wildcards', async () => {
        await createUserNamed(app, `under_score-${randomUUID()}@example.com`);
        for (const query of ['%', 'under%score', '*', '.*', '\\']) {
          expect((await list({ query })).users, query).to.deep.equal([]);
        }
        const { users } = await list({ query: '_' });
        expect(users).to.not.have.lengthOf(0);
        for (const { email } of users) expect(email).to.contain('_');
      });

      it('SEC-81 Casdoor CVE-2022-24124: takes SQL for text, and no other field to search or sort by', async () => {
        const before = (await list({})).users.length;
        for (const query of [
          "' OR '1'='1",
          "') OR true --",
          "'; DROP TABLE users; --",
          "' UNION SELECT id, password_hash FROM users --",
          '$1',
          '\\x27 OR 1=1',
        ]) {
          expect((await list({ query })).users, query).to.deep.equal([]);
        }
        for (const params of [
          { sort: 'password_hash' },
          { field: 'password_hash' },
          { sortField: 'updatexml(1,version(),1)' },
          { order: 'email; DROP TABLE users' },
          { 'query[]': 'a' },
          { limit: '0' },
          { limit: '101' },
          { limit: '1 OR 1=1' },
          { limit: '1e9' },
        ]) {
          const answer = await admin.request(`/users?${new URLSearchParams(params as never)}`);
          expect(answer.status, JSON.stringify(params)).to.equal(400);
        }
        expect((await admin.request('/users?query=a&query=b')).status).to.equal(400);
        expect((await list({})).users.length).to.equal(before);
      });

      it('SEC-81 Ory GHSA-r9w3-57w2-gch2: takes only cursors of its own, for the search they are of', async () => {
        const tag = `seal-${randomUUID().slice(0, 8)}`;
        for (const letter of 'ab') await createUserNamed(app, `${letter}.${tag}@example.com`);
        const { next_cursor: cursor } = await list({ query: tag, limit: '1' });
        const good = cursor ?? '';
        expect(Buffer.from(good, 'base64url').toString('latin1')).to.not.contain(tag);
        const bytes = Buffer.from(good, 'base64url');
        const flipped = Array.from(bytes, (_, index) => {
          const copy = Buffer.from(bytes);
          copy[index] = (copy[index] ?? 0) ^ 1;
          return copy.toString('base64url');
        });
        const login1 = await signedInBrowser(app, await createUser(app));
        await login(login1, root);
        const history = (await login1.request('/auth/login-history?limit=1')).json<{
          next_cursor: string;
        }>().next_cursor;
        for (const forged of [
          ...flipped,
          history,
          '',
          'a',
          good.slice(0, 20),
          `${good}A`,
          `${good}=`,
          Buffer.from(`a.${tag}@example.com`).toString('base64url'),
          Buffer.from(JSON.stringify({ email: 'a' })).toString('base64url'),
        ]) {
          const params = new URLSearchParams({ query: tag, cursor: forged });
          const { status, text } = await admin.request(`/users?${params}`);
          expect(status, `${forged} ${text}`).to.equal(400);
        }
        for (const query of ['', tag.slice(1), `${tag} `]) {
          const params = new URLSearchParams({ query, cursor: good });
          expect((await admin.request(`/users?${params}`)).status, query).to.equal(400);
        }
        expect((await list({ query: tag, cursor: good })).users).to.have.lengthOf(1);
      });
    });

    describe('PATCH /users/:id', () => {
      it('SEC-51 disables: sessions and grants end at once; enabling lets in again', async () => {
        const user = await createUser(app);
        const browser = await signedInBrowser(app, user);
        const rp = await createRelyingParty(app);
        const scope = 'openid offline_access';
        const answer = await rp.authorize(browser, { scope, prompt: 'consent' });
        const page = answer.location ? answer : await browser.submit(answer);
        const { body } = await rp.redeem(codeOf(page));
        const version = async () =>
          (
            await app.database.database.query<{ roles_ver: number }>(
              { name: 'test-version', text: 'SELECT roles_ver FROM users WHERE id = $1' },
              [user.id],
            )
          )[0]?.roles_ver ?? 0;
        const before = await version();
        const disabled = await setDisabled(user.id, true);
        expect(disabled.status, disabled.text).to.equal(200);
        expect(disabled.json()).to.deep.include({ id: user.id, disabled: true });
        expect(await version()).to.be.greaterThan(before);
        expect((await browser.request('/auth/me')).status).to.equal(401);
        expect((await browser.request('/auth/refresh', { method: 'POST' })).status).to.equal(401);
        const refreshed = await rp.refresh(body.refresh_token ?? '');
        expect(refreshed.body.error).to.equal('invalid_grant');
        expect((await login(app.browser(), user)).status).to.equal(401);
        expect((await setDisabled(user.id, true)).status).to.equal(200);
        expect((await setDisabled(user.id, false)).json()).to.deep.include({
          disabled: false,
          disabled_at: null,
        });
        expect((await login(app.browser(), user)).status).to.equal(200);
      });

      it('SEC-77 takes nothing but `disabled`', async () => {
        const { id } = await createUser(app);
        const before = await show(id);
        for (const json of [
          {},
          { disabled: 'true' },
          { disabled: null },
          { disabled: [true] },
          { disabled: true, roles: ['superuser'] },
          { disabled: false, id: randomUUID() },
          { disabled: false, email_verified: true },
          { disabled: false, created_at: '2000-01-01T00:00:00Z' },
          { email: 'other@example.com' },
          { is_superuser: true },
        ]) {
          const answer = await admin.request(`/users/${id}`, { method: 'PATCH', json });
          expect(answer.status, JSON.stringify(json)).to.equal(400);
        }
        for (const body of [
          '{"disabled":true,"__proto__":{"disabled":false}}',
          '{"disabled":false,"disabled":true}',
        ]) {
          const answer = await admin.request(`/users/${id}`, {
            method: 'PATCH',
            body,
            headers: { 'content-type': 'application/json' },
          });
          expect(answer.status, body).to.equal(400);
        }
        expect(await show(id)).to.deep.equal(before);
      });

      it('Keycloak CVE-2026-107623 writing back what was read changes nothing', async () => {
        const { id } = await createUser(app, ['editor', 'auditor']);
        for (const disabled of [false, true]) {
          await setDisabled(id, disabled);
          const before = await show(id);
          const written = await setDisabled(id, before.disabled);
          expect(written.json()).to.deep.equal(before);
          expect(await show(id)).to.deep.equal(before);
        }
      });
    });

    it('Keycloak CVE-2026-107623 the same for a role and its holders, and a client with a new secret', async () => {
      const created = await admin.request('/roles', {
        json: { name: `r-${randomUUID().slice(0, 8)}`, description: 'kept' },
      });
      const role = created.json<{ id: string; description: string }>();
      const { id } = await createUser(app);
      await admin.request(`/users/${id}/roles/${role.id}`, { method: 'PUT' });
      const held = (await admin.request(`/users/${id}/roles`)).json();
      const written = await admin.request(`/roles/${role.id}`, {
        method: 'PATCH',
        json: { description: role.description },
      });
      expect(written.json()).to.deep.equal(role);
      expect((await admin.request(`/users/${id}/roles`)).json()).to.deep.equal(held);

      const clients = app.app.use(Clients);
      const { client } = await clients.create({
        client_name: 'Careful',
        redirect_uris: ['https://rp.example.com/cb'],
        post_logout_redirect_uris: ['https://rp.example.com/out'],
        id_token_signed_response_alg: 'ES256',
        allowed_scopes: ['account'],
        backchannel_logout_uri: 'https://rp.example.com/bc',
      });
      await clients.rotateSecret(client.client_id);
      expect(await clients.find(client.client_id)).to.deep.equal(client);
    });

    describe('DELETE /users/:id', () => {
      it('SEC-51 SEC-39 deletes: tokens die, the address is free, and whoever takes it is another', async () => {
        const user = await createUser(app);
        const browser = await signedInBrowser(app, user);
        const rp = await createRelyingParty(app);
        const { body } = await rp.redeem(codeOf(await rp.authorize(browser)));
        expect((await remove(user.id)).status).to.equal(204);
        expect((await admin.request(`/users/${user.id}`)).status).to.equal(404);
        expect((await remove(user.id)).status).to.equal(404);
        expect((await browser.request('/auth/me')).status).to.equal(401);
        expect((await rp.refresh(body.refresh_token ?? '')).body.error).to.equal('invalid_grant');
        const userinfo = await app.browser().request('/oidc/userinfo', {
          headers: { authorization: `Bearer ${body.access_token}` },
        });
        expect(userinfo.status).to.equal(401);
        const again = await createUserNamed(app, user.email);
        expect(again.id).to.not.equal(user.id);
        expect((await browser.request('/auth/refresh', { method: 'POST' })).status).to.equal(401);
      });
    });

    describe('who may', () => {
      const calls = (id: string): [string, string, object?][] => [
        ['GET', '/users'],
        ['GET', `/users/${id}`],
        ['PATCH', `/users/${id}`, { disabled: true }],
        ['DELETE', `/users/${id}`],
      ];

      it('SEC-76 Keycloak CVE-2024-3656: no anonymous and no plain user, not even for themselves', async () => {
        const user = await createUser(app, ['editor', 'admin', 'super-user']);
        const person = await signedInBrowser(app, user);
        const other = await createUser(app);
        for (const id of [user.id, other.id, root.id]) {
          for (const [method, path, json] of calls(id)) {
            const options = { method, ...(json ? { json } : {}) };
            const name = `${method} ${path}`;
            expect((await app.browser().request(path, options)).status, name).to.equal(401);
            expect((await person.request(path, options)).status, name).to.equal(403);
          }
        }
        for (const { id } of [user, other, root]) expect((await show(id)).disabled).to.equal(false);
      });

      it('ZITADEL CVE-2026-105209 a role of one’s own opens nobody: not oneself, not others, not superusers', async () => {
        const holder = await createUser(app, ['editor']);
        const person = await signedInBrowser(app, holder);
        const { roles } = (await admin.request('/roles')).json<{
          roles: { id: string; name: string }[];
        }>();
        for (const { id: roleId } of roles) {
          for (const id of [holder.id, root.id]) {
            for (const method of ['PUT', 'DELETE']) {
              const answer = await person.request(`/users/${id}/roles/${roleId}`, { method });
              expect(answer.status).to.equal(403);
            }
          }
        }
        expect((await show(holder.id)).roles).to.deep.equal(['editor']);
        expect((await show(root.id)).roles).to.deep.equal(['superuser']);
      });

      it('SEC-41 a token from before the demotion opens nothing', async () => {
        const user = await createUser(app, ['superuser']);
        const browser = await signedInBrowser(app, user);
        const target = await createUser(app);
        expect((await browser.request('/users')).status).to.equal(200);
        // As a node that has not heard of it yet: the row is gone, the token still good.
        await app.database.database.query(
          { name: 'test-demote', text: 'DELETE FROM user_roles WHERE user_id = $1' },
          [user.id],
        );
        expect((await browser.request('/auth/me')).status).to.equal(200);
        for (const [method, path, json] of calls(target.id)) {
          const answer = await browser.request(path, { method, ...(json ? { json } : {}) });
          expect(answer.status, `${method} ${path}`).to.equal(403);
        }
        expect((await show(target.id)).disabled).to.equal(false);
      });

      it('SEC-78 SEC-79 nobody ends their own rights or account here', async () => {
        const second = await createUser(app, ['superuser']);
        const { roles } = (await admin.request('/roles')).json<{
          roles: { id: string; name: string }[];
        }>();
        const superuser = roles.find(({ name }) => name === 'superuser')?.id ?? '';
        for (const id of [root.id, root.id.toUpperCase()]) {
          const types = [
            await setDisabled(id, true),
            await setDisabled(id, false),
            await remove(id),
            await admin.request(`/users/${id}/roles/${superuser}`, { method: 'DELETE' }),
          ].map((answer) => `${answer.status} ${answer.json()['type']}`);
          expect(types).to.deep.equal([
            '409 urn:problem:user-admin:own-account',
            '409 urn:problem:user-admin:own-account',
            '409 urn:problem:user-admin:own-account',
            '409 urn:problem:roles:own-superuser',
          ]);
        }
        expect(await show(root.id)).to.deep.include({ disabled: false, roles: ['superuser'] });
        expect((await remove(second.id)).status).to.equal(204);
      });

      it('SEC-78 a role cannot be renamed or copied into superuser', async () => {
        const editor = (
          await admin.request('/roles', { json: { name: `e-${randomUUID().slice(0, 8)}` } })
        ).json<{ id: string }>();
        for (const [path, method, json] of [
          [`/roles/${editor.id}`, 'PATCH', { name: 'superuser' }],
          [`/roles/${editor.id}`, 'PATCH', { description: '', name: 'superuser' }],
          ['/roles', 'POST', { name: 'superuser' }],
          ['/roles', 'POST', { name: 'Superuser' }],
          ['/roles', 'POST', { name: 'superuser ' }],
          ['/roles', 'POST', { name: 'ѕuperuser' }],
        ] as const) {
          const { status } = await admin.request(path, { method, json });
          expect(status, JSON.stringify(json)).to.be.oneOf([400, 409]);
        }
      });

      it('SEC-80 CVE-2025-48370 takes ids for UUIDs or for nothing', async () => {
        const target = await createUser(app);
        const before = await show(target.id);
        for (const id of [
          '..%2froles',
          '%2e%2e%2froles',
          '..;',
          '%00',
          '*',
          '%25',
          'me',
          `${target.id}%00`,
          `${target.id}%2froles`,
          `${target.id},${target.id}`,
          `${target.id}'--`,
          `{${target.id}}`,
          target.id.replaceAll('-', ''),
          '1',
          'null',
          'undefined',
          '[]',
        ]) {
          for (const method of ['GET', 'PATCH', 'DELETE']) {
            const answer = await admin.request(`/users/${id}`, {
              method,
              ...(method === 'PATCH' ? { json: { disabled: true } } : {}),
            });
            expect(answer.status, `${method} ${id}`).to.be.oneOf([400, 404]);
          }
        }
        expect((await admin.request(`/users/${randomUUID()}`)).status).to.equal(404);
        expect(await show(target.id)).to.deep.equal(before);
        expect(await show(target.id.toUpperCase())).to.deep.equal(before);
      });
    });

    it('SEC-82 writes need a recent sign-in, and each is logged with actor, target, diff and request', async () => {
      const target = await createUser(app);
      const aged = `UPDATE sessions SET auth_time = auth_time - interval '301 s' WHERE user_id = '${root.id}'`;
      await app.database.database.orm.query(aged);
      for (const answer of [await setDisabled(target.id, true), await remove(target.id)]) {
        expect(answer.status).to.equal(403);
        expect(answer.json()['type']).to.equal('urn:problem:http:reauthentication-required');
      }
      expect((await show(target.id)).disabled).to.equal(false);
      await admin.request('/auth/reauthenticate', { json: { password: PASSWORD } });

      const role = (
        await admin.request('/roles', {
          json: { name: `a-${randomUUID().slice(0, 8)}`, description: 'one' },
        })
      ).json<{ id: string; name: string }>();
      log.entries.length = 0;
      const answers = [
        await setDisabled(target.id, true),
        await setDisabled(target.id, true),
        await setDisabled(target.id, false),
        await admin.request(`/users/${target.id}/roles/${role.id}`, { method: 'PUT' }),
        await admin.request(`/users/${target.id}/roles/${role.id}`, { method: 'PUT' }),
        await admin.request(`/users/${target.id}/roles/${role.id}`, { method: 'DELETE' }),
        await admin.request(`/roles/${role.id}`, {
          method: 'PATCH',
          json: { description: 'two' },
        }),
        await admin.request(`/roles/${role.id}`, { method: 'DELETE' }),
        await remove(target.id),
      ];
      const lines = log.entries
        .filter(({ fields }) => String((fields as { event?: string }).event).startsWith('admin.'))
        .map(({ fields }) => fields);
      const line = (event: string, of: string, diff: object, index: number) => ({
        event: `admin.${event}`,
        actor: root.id,
        target: of,
        diff,
        request_id: answers[index]?.headers.get('x-request-id'),
      });
      const { name } = role;
      expect(lines).to.deep.equal([
        line('user_disabled', target.id, { disabled: { from: false, to: true } }, 0),
        line('user_disabled', target.id, {}, 1),
        line('user_enabled', target.id, { disabled: { from: true, to: false } }, 2),
        line('role_granted', target.id, { added: name }, 3),
        line('role_granted', target.id, {}, 4),
        line('role_revoked', target.id, { removed: name }, 5),
        line('role_described', role.id, { description: { from: 'one', to: 'two' } }, 6),
        line('role_deleted', role.id, { from: { name, description: 'two' }, to: null }, 7),
        line('user_deleted', target.id, { from: { roles: [], disabled: false }, to: null }, 8),
      ]);
      // Personal data has no place in a log.
      expect(JSON.stringify(lines)).to.not.contain(target.email);
    });
  });
}
