import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { createUser, signedInBrowser } from '../support/people.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { createUserAdmin, type UserAdmin } from '../support/user-admin.ts';

describe('who may manage users', () => {
  let app: TestApp;
  let admin: UserAdmin;

  before(async () => {
    app = await startTestApp();
    admin = await createUserAdmin(app);
  });
  after(() => app.close());

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
    for (const id of [user.id, other.id, admin.user.id]) {
      for (const [method, path, json] of calls(id)) {
        const options = { method, ...(json ? { json } : {}) };
        const name = `${method} ${path}`;
        expect((await app.browser().request(path, options)).status, name).to.equal(401);
        expect((await person.request(path, options)).status, name).to.equal(403);
      }
    }
    for (const { id } of [user, other, admin.user])
      expect((await admin.show(id)).disabled).to.equal(false);
  });

  it('ZITADEL CVE-2026-105209 a role of one’s own opens nobody: not oneself, not others, not superusers', async () => {
    const holder = await createUser(app, ['editor']);
    const person = await signedInBrowser(app, holder);
    const { roles } = (await admin.request('/roles')).json<{
      roles: { id: string; name: string }[];
    }>();
    for (const { id: roleId } of roles) {
      for (const id of [holder.id, admin.user.id]) {
        for (const method of ['PUT', 'DELETE']) {
          const answer = await person.request(`/users/${id}/roles/${roleId}`, { method });
          expect(answer.status).to.equal(403);
        }
      }
    }
    expect((await admin.show(holder.id)).roles).to.deep.equal(['editor']);
    expect((await admin.show(admin.user.id)).roles).to.deep.equal(['superuser']);
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
    expect((await admin.show(target.id)).disabled).to.equal(false);
  });

  it('SEC-78 SEC-79 nobody ends their own rights or account here', async () => {
    const second = await createUser(app, ['superuser']);
    const superuser = await admin.superuserRole();
    for (const id of [admin.user.id, admin.user.id.toUpperCase()]) {
      const types = [
        await admin.setDisabled(id, true),
        await admin.setDisabled(id, false),
        await admin.remove(id),
        await admin.request(`/users/${id}/roles/${superuser}`, { method: 'DELETE' }),
      ].map((answer) => `${answer.status} ${answer.json()['type']}`);
      expect(types).to.deep.equal([
        '409 urn:problem:user-admin:own-account',
        '409 urn:problem:user-admin:own-account',
        '409 urn:problem:user-admin:own-account',
        '409 urn:problem:roles:own-superuser',
      ]);
    }
    expect(await admin.show(admin.user.id)).to.deep.include({
      disabled: false,
      roles: ['superuser'],
    });
    expect((await admin.remove(second.id)).status).to.equal(204);
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
    const before = await admin.show(target.id);
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
    expect(await admin.show(target.id)).to.deep.equal(before);
    expect(await admin.show(target.id.toUpperCase())).to.deep.equal(before);
  });
});
