import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { createRolesFixture, type RolesFixture } from '../roles/roles-fixture.ts';
import {
  createUsersFixture,
  newEmail,
  PASSWORD,
  problemOf,
  type UsersFixture,
} from './users-fixture.ts';

describe('deleting a user', () => {
  let test: TestDatabase;
  let fixture: UsersFixture;
  let roles: RolesFixture;

  beforeEach(async () => {
    test = await createTestDatabase({ poolSize: 10 });
    fixture = createUsersFixture({ db: test.database });
    roles = createRolesFixture(test.database);
  });
  afterEach(() => test.drop());

  const register = () => fixture.service.register({ email: newEmail(), password: PASSWORD });

  it('ends the sessions, denies all tokens and tells of it afterwards', async () => {
    const { id, email, rolesVersion } = await register();
    await fixture.service.delete(id);
    expect(await fixture.service.find(id)).to.equal(undefined);
    expect(await fixture.service.authenticate(email, PASSWORD)).to.equal(undefined);
    expect(fixture.sessions.ended).to.deep.equal([{ userId: id, reason: 'user deleted' }]);
    expect(fixture.revocations.denied).to.deep.equal([{ sub: id, rolesVersion: rolesVersion + 1 }]);
    expect(fixture.events.emitted.at(-1)).to.deep.equal(['user.deleted', { userId: id }]);
  });

  it('deletes disabled users as well', async () => {
    const { id } = await register();
    await fixture.service.disable(id);
    await fixture.service.delete(id);
    expect(await fixture.service.find(id)).to.equal(undefined);
  });

  it('names an unknown user, and the second of two deletions', async () => {
    expect(await problemOf(fixture.service.delete(randomUUID()))).to.equal('users:not-found');
    expect(await problemOf(fixture.service.delete('no-uuid'))).to.equal('users:not-found');
    const { id } = await register();
    const outcomes = await Promise.all([1, 2, 3].map(() => problemOf(fixture.service.delete(id))));
    expect(outcomes.sort()).to.deep.equal(['no problem', 'users:not-found', 'users:not-found']);
  });

  it('SEC-79 refuses the last active superuser, disabled ones do not count', async () => {
    const [first, second] = [await register(), await register()];
    for (const { id } of [first, second]) await roles.roles.grant(id, 'superuser');
    await fixture.service.disable(first.id);
    expect(await problemOf(fixture.service.delete(second.id))).to.equal('users:last-superuser');
    expect(await fixture.service.find(second.id)).to.include({ disabledAt: null });
    await fixture.service.delete(first.id);
    expect(await fixture.service.find(first.id)).to.equal(undefined);
  });

  it('does not wait in a circle with the end of a role that the user has', async () => {
    for (let round = 0; round < 10; round += 1) {
      const users = await Promise.all([register(), register(), register()]);
      const name = `role-${round}`;
      const role = await roles.roles.create({ name });
      for (const { id } of users) await roles.roles.grant(id, name);
      await Promise.all([
        roles.roles.delete(role.id),
        ...users.map(({ id }) => fixture.service.delete(id)),
      ]);
      for (const { id } of users) expect(await fixture.service.find(id)).to.equal(undefined);
    }
  });
});
