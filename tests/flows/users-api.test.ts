import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { Clients } from '../../src/plugins/clients/contract.ts';
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
import { createUserAdmin, type UserAdmin } from '../support/user-admin.ts';

for (const store of storeKinds) {
  describe(`users admin API, state store on ${store}`, () => {
    const log = createRecordingLog();
    let app: TestApp;
    let admin: UserAdmin;

    before(async () => {
      app = await startTestApp({ store, log });
      admin = await createUserAdmin(app);
    });
    after(() => app.close());

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
        const disabled = await admin.setDisabled(user.id, true);
        expect(disabled.status, disabled.text).to.equal(200);
        expect(disabled.json()).to.deep.include({ id: user.id, disabled: true });
        expect(await version()).to.be.greaterThan(before);
        expect((await browser.request('/auth/me')).status).to.equal(401);
        expect((await browser.request('/auth/refresh', { method: 'POST' })).status).to.equal(401);
        const refreshed = await rp.refresh(body.refresh_token ?? '');
        expect(refreshed.body.error).to.equal('invalid_grant');
        expect((await login(app.browser(), user)).status).to.equal(401);
        expect((await admin.setDisabled(user.id, true)).status).to.equal(200);
        expect((await admin.setDisabled(user.id, false)).json()).to.deep.include({
          disabled: false,
          disabled_at: null,
        });
        expect((await login(app.browser(), user)).status).to.equal(200);
      });

      it('SEC-77 takes nothing but `disabled`', async () => {
        const { id } = await createUser(app);
        const before = await admin.show(id);
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
        expect(await admin.show(id)).to.deep.equal(before);
      });

      it('Keycloak CVE-2026-107623 writing back what was read changes nothing', async () => {
        const { id } = await createUser(app, ['editor', 'auditor']);
        for (const disabled of [false, true]) {
          await admin.setDisabled(id, disabled);
          const before = await admin.show(id);
          const written = await admin.setDisabled(id, before.disabled);
          expect(written.json()).to.deep.equal(before);
          expect(await admin.show(id)).to.deep.equal(before);
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
        expect((await admin.remove(user.id)).status).to.equal(204);
        expect((await admin.request(`/users/${user.id}`)).status).to.equal(404);
        expect((await admin.remove(user.id)).status).to.equal(404);
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

    it('SEC-82 writes need a recent sign-in, and each is logged with actor, target, diff and request', async () => {
      const target = await createUser(app);
      const aged = `UPDATE sessions SET auth_time = auth_time - interval '301 s' WHERE user_id = '${admin.user.id}'`;
      await app.database.database.orm.query(aged);
      for (const answer of [
        await admin.setDisabled(target.id, true),
        await admin.remove(target.id),
      ]) {
        expect(answer.status).to.equal(403);
        expect(answer.json()['type']).to.equal('urn:problem:http:reauthentication-required');
      }
      expect((await admin.show(target.id)).disabled).to.equal(false);
      await admin.request('/auth/reauthenticate', { json: { password: PASSWORD } });

      const role = (
        await admin.request('/roles', {
          json: { name: `a-${randomUUID().slice(0, 8)}`, description: 'one' },
        })
      ).json<{ id: string; name: string }>();
      log.entries.length = 0;
      const answers = [
        await admin.setDisabled(target.id, true),
        await admin.setDisabled(target.id, true),
        await admin.setDisabled(target.id, false),
        await admin.request(`/users/${target.id}/roles/${role.id}`, { method: 'PUT' }),
        await admin.request(`/users/${target.id}/roles/${role.id}`, { method: 'PUT' }),
        await admin.request(`/users/${target.id}/roles/${role.id}`, { method: 'DELETE' }),
        await admin.request(`/roles/${role.id}`, {
          method: 'PATCH',
          json: { description: 'two' },
        }),
        await admin.request(`/roles/${role.id}`, { method: 'DELETE' }),
        await admin.remove(target.id),
      ];
      const lines = log.entries
        .filter(({ fields }) => String((fields as { event?: string }).event).startsWith('admin.'))
        .map(({ fields }) => fields);
      const line = (event: string, of: string, diff: object, index: number) => ({
        event: `admin.${event}`,
        actor: admin.user.id,
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
