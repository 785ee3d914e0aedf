import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { createAccounts } from '../../../src/plugins/users/claims.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { createUsersFixture, newEmail, PASSWORD, type UsersFixture } from './users-fixture.ts';

describe('claims of a user', () => {
  let test: TestDatabase;
  let fixture: UsersFixture;

  before(async () => {
    test = await createTestDatabase();
    fixture = createUsersFixture({ db: test.database });
  });
  after(() => test.drop());

  const register = (profile: { name?: string; locale?: string } = {}) =>
    fixture.service.register({ email: newEmail(), password: PASSWORD, ...profile });
  const claims = async (userId: string, scope: string) => {
    const source = createAccounts(fixture.model).claims.find((other) => other.scope === scope);
    return source?.claims({ userId, clientId: 'client', scopes: new Set([scope]) });
  };

  it('releases the profile and the address, each with its scope', async () => {
    const { id, email } = await register({ name: 'Ann', locale: 'de' });
    expect(await claims(id, 'profile')).to.deep.equal({
      name: 'Ann',
      locale: 'de',
      updated_at: Math.floor(fixture.clock.now() / 1000),
    });
    expect(await claims(id, 'email')).to.deep.equal({ email, email_verified: false });
  });

  it('leaves out what is not known', async () => {
    const { id } = await register();
    expect(await claims(id, 'profile')).to.have.all.keys('updated_at');
  });

  it('sets no claim that it does not name', async () => {
    const { id } = await register({ name: 'Ann', locale: 'de' });
    for (const source of createAccounts(fixture.model).claims) {
      expect(await claims(id, source.scope ?? '')).to.have.all.keys(source.names);
      expect(source.in).to.deep.equal(['account']);
    }
  });

  it('knows active users only', async () => {
    const { id } = await register();
    const accounts = createAccounts(fixture.model).source;
    expect(await accounts.find(id)).to.deep.equal({ userId: id });
    await fixture.service.disable(id);
    for (const userId of [id, randomUUID(), 'nobody', '\0']) {
      expect(await accounts.find(userId), userId).to.equal(undefined);
      expect(await claims(userId, 'profile'), userId).to.deep.equal({});
      expect(await claims(userId, 'email'), userId).to.deep.equal({});
    }
  });
});
