import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { Browser } from '../support/browser.ts';
import { createUser, PASSWORD, signedInBrowser } from '../support/people.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

interface Role {
  readonly id: string;
  readonly name: string;
  readonly description: string;
}

describe('Roles API and User-roles API', () => {
  let app: TestApp;
  let admin: Browser;
  let person: Browser;
  let personId: string;

  before(async () => {
    app = await startTestApp();
    admin = await signedInBrowser(app, await createUser(app, ['superuser']));
    const user = await createUser(app);
    personId = user.id;
    person = await signedInBrowser(app, user);
  });
  after(() => app.close());

  const newName = (): string => `role-${randomUUID().slice(0, 8)}`;
  const create = async (name = newName()): Promise<Role> => {
    const answer = await admin.request('/roles', { json: { name, description: 'first' } });
    expect(answer.status, answer.text).to.equal(201);
    return answer.json() as unknown as Role;
  };

  it('makes, shows, lists, describes and deletes roles', async () => {
    const role = await create();
    expect((await admin.request(`/roles/${role.id}`)).json()).to.deep.equal(role);
    const changed = await admin.request(`/roles/${role.id}`, {
      method: 'PATCH',
      json: { description: 'second' },
    });
    expect(changed.json()).to.deep.equal({ ...role, description: 'second' });
    const { roles } = (await admin.request('/roles')).json<{ roles: Role[] }>();
    expect(roles.map(({ name }) => name)).to.include.members([role.name, 'superuser']);
    expect((await admin.request(`/roles/${role.id}`, { method: 'DELETE' })).status).to.equal(204);
    expect((await admin.request(`/roles/${role.id}`)).status).to.equal(404);
  });

  it('gives and takes roles, twice the same as once, and the next token carries them', async () => {
    const role = await create();
    const path = `/users/${personId}/roles/${role.id}`;
    for (const _ of [1, 2])
      expect((await admin.request(path, { method: 'PUT' })).status).to.equal(204);
    const listed = (await admin.request(`/users/${personId}/roles`)).json<{ roles: Role[] }>();
    expect(listed.roles.map(({ id }) => id)).to.include(role.id);
    const refreshed = await person.request('/auth/refresh', { method: 'POST' });
    expect(refreshed.json<{ user: { roles: string[] } }>().user.roles).to.include(role.name);
    for (const _ of [1, 2]) {
      expect((await admin.request(path, { method: 'DELETE' })).status).to.equal(204);
    }
    expect((await person.request('/auth/me')).status).to.equal(401);
    await person.request('/auth/refresh', { method: 'POST' });
    expect((await person.request('/auth/me')).json()).to.deep.include({ roles: [] });
  });

  it('SEC-76 SEC-80 CVE-2025-48370 refuses anonymous and plain users everywhere, and ids that are no UUIDs', async () => {
    const role = await create();
    const calls: [string, string, object?][] = [
      ['GET', '/roles'],
      ['POST', '/roles', { name: newName() }],
      ['GET', `/roles/${role.id}`],
      ['PATCH', `/roles/${role.id}`, { description: '' }],
      ['DELETE', `/roles/${role.id}`],
      ['GET', `/users/${personId}/roles`],
      ['PUT', `/users/${personId}/roles/${role.id}`],
      ['DELETE', `/users/${personId}/roles/${role.id}`],
    ];
    const anonymous = app.browser();
    for (const [method, path, json] of calls) {
      const options = { method, ...(json ? { json } : {}) };
      expect((await anonymous.request(path, options)).status, `${method} ${path}`).to.equal(401);
      expect((await person.request(path, options)).status, `${method} ${path}`).to.equal(403);
    }
    for (const id of ['..%2fusers', '%00', 'a', `${role.id}x`, '*']) {
      expect((await admin.request(`/roles/${id}`)).status, id).to.be.oneOf([400, 404]);
    }
  });

  it('SEC-77 takes no member that it does not know, and answers conflicts as problems', async () => {
    const role = await create();
    const answers = {
      400: { name: newName(), id: randomUUID() },
      409: { name: role.name },
    };
    for (const [status, json] of Object.entries(answers)) {
      const answer = await admin.request('/roles', { json });
      expect(answer.status).to.equal(Number(status));
      expect(answer.headers.get('content-type')).to.contain('application/problem+json');
    }
    expect((await admin.request('/roles', { json: { name: 'Not Valid' } })).status).to.equal(400);
  });

  it('SEC-79 never deletes superuser, nor takes it from the last one', async () => {
    const { roles } = (await admin.request('/roles')).json<{ roles: Role[] }>();
    const superuser = roles.find(({ name }) => name === 'superuser');
    const { id: adminId } = (await admin.request('/auth/me')).json<{ id: string }>();
    const path = `/users/${adminId}/roles/${superuser?.id}`;
    expect((await admin.request(path, { method: 'DELETE' })).status).to.equal(409);
    expect((await admin.request(`/roles/${superuser?.id}`, { method: 'DELETE' })).status).to.equal(
      409,
    );
  });

  it('SEC-82 writes only for somebody who proved who they are within 5 minutes', async () => {
    const role = await create();
    await app.database.database.orm.query(
      `UPDATE sessions SET auth_time = auth_time - interval '301 s'`,
    );
    const path = `/roles/${role.id}`;
    const refused = await admin.request(path, { method: 'DELETE' });
    expect(refused.status).to.equal(403);
    expect(refused.json()).to.deep.include({ type: 'urn:problem:http:reauthentication-required' });
    expect((await admin.request(path)).status).to.equal(200);
    await admin.request('/auth/reauthenticate', { json: { password: PASSWORD } });
    expect((await admin.request(path, { method: 'DELETE' })).status).to.equal(204);
  });
});
