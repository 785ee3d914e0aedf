import { expect } from 'chai';
import type { User } from '../../../src/plugins/users/contract.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import {
  createUsersFixture,
  newEmail,
  PASSWORD,
  problemOf,
  type UsersFixture,
} from './users-fixture.ts';

const NEXT = 'nine loud ravens dive';

describe('what plugins are told of new passwords and addresses', () => {
  let test: TestDatabase;
  let fixture: UsersFixture;
  before(async () => {
    test = await createTestDatabase();
    fixture = createUsersFixture({ db: test.database });
  });
  after(() => test.drop());

  const register = () => fixture.service.register({ email: newEmail(), password: PASSWORD });
  const known = ({ id, email, rolesVersion }: User) => ({
    id,
    emailCanonical: email.toLowerCase(),
    rolesVersion,
  });

  const changes: Readonly<Record<string, (user: User) => Promise<unknown>>> = {
    'password-change': ({ id }) =>
      fixture.service.changePassword(id, { current: PASSWORD, next: NEXT }),
    'email-change': (user) =>
      fixture.service.changeEmail(known(user), { email: newEmail(), verified: false }),
    'password-reset': (user) =>
      fixture.service.resetPassword(known(user), NEXT, { alongside: async () => undefined }),
    'password-reset of the operator': ({ id }) => fixture.service.setPassword(id, NEXT),
  };
  for (const [by, change] of Object.entries(changes)) {
    it(`says ${by}, once, and undoes everything when a plugin fails`, async () => {
      const user = await register();
      fixture.failCredentialsChanged(new Error('a plugin cannot'));
      const failure = await change(user).catch(({ message }: Error) => message);
      expect(failure).to.equal('a plugin cannot');
      expect(await fixture.service.find(user.id)).to.deep.equal(user);
      fixture.failCredentialsChanged(undefined);
      await change(user);
      const told = fixture.credentialsChanges.filter(({ userId }) => userId === user.id);
      expect(told).to.deep.equal([{ userId: user.id, by: by.split(' ')[0] }]);
      const changed = await fixture.service.find(user.id);
      expect(changed?.credentialsVersion).to.equal(user.credentialsVersion + 1);
    });
  }

  it('a password that the operator sets is checked, ends everything and leaves the address unverified', async () => {
    const user = await register();
    const { setPassword } = fixture.service;
    expect(await problemOf(setPassword(user.id, 'short'))).to.equal('users:password-rejected');
    expect(await problemOf(setPassword('nobody', NEXT))).to.equal('users:not-found');
    await setPassword(user.id, NEXT);
    expect(fixture.sessions.ended).to.deep.include({ userId: user.id, reason: 'password set' });
    expect(fixture.revocations.denied).to.deep.include({
      sub: user.id,
      rolesVersion: user.rolesVersion + 1,
    });
    expect(await fixture.service.find(user.id)).to.deep.include({ emailVerified: false });
    expect(await fixture.service.authenticate(user.email, PASSWORD)).to.equal(undefined);
    expect((await fixture.service.authenticate(user.email, NEXT))?.id).to.equal(user.id);
  });
});
