import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { SUPERUSER } from '../../../src/plugins/roles/contract.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import {
  createUsersFixture,
  newEmail,
  PASSWORD,
  problemOf,
  type UsersFixture,
} from './users-fixture.ts';

describe('disable a user', () => {
  let test: TestDatabase;
  let fixture: UsersFixture;

  beforeEach(async () => {
    test = await createTestDatabase({ poolSize: 10 });
    fixture = createUsersFixture({ db: test.database });
  });
  afterEach(() => test.drop());

  const register = () => fixture.service.register({ email: newEmail(), password: PASSWORD });
  const run = (text: string, values: unknown[]) =>
    test.database.query({ name: `test-${text.length}-${text.slice(0, 20)}`, text }, values);
  const makeSuperusers = async (count: number): Promise<string[]> => {
    const role = randomUUID();
    await run('INSERT INTO roles VALUES ($1, $2, DEFAULT, now(), now())', [role, SUPERUSER]);
    const users = await Promise.all(Array.from({ length: count }, register));
    for (const { id } of users)
      await run('INSERT INTO user_roles VALUES ($1, $2, now())', [id, role]);
    return users.map(({ id }) => id);
  };

  it('ends the sessions, denies older tokens and tells so', async () => {
    const { id, rolesVersion } = await register();
    fixture.clock.time += 60_000;
    const user = await fixture.service.disable(id);
    expect(user.disabledAt).to.deep.equal(new Date(fixture.clock.now()));
    expect(user.rolesVersion).to.equal(rolesVersion + 1);
    expect(fixture.sessions.ended).to.deep.equal([{ userId: id, reason: 'user disabled' }]);
    expect(fixture.revocations.denied).to.deep.equal([
      { sub: id, rolesVersion: user.rolesVersion },
    ]);
    expect(fixture.events.emitted.at(-1)).to.deep.equal(['user.disabled', { userId: id }]);
  });

  it('changes nothing the second time but ends what is left', async () => {
    const { id } = await register();
    const first = await fixture.service.disable(id);
    const told = fixture.events.emitted.length;
    fixture.clock.time += 1_000;
    expect(await fixture.service.disable(id)).to.deep.equal(first);
    expect(fixture.revocations.denied).to.have.lengthOf(1);
    expect(fixture.events.emitted).to.have.lengthOf(told);
    expect(fixture.sessions.ended).to.have.lengthOf(2);
  });

  it('changes nothing when the sessions cannot be ended', async () => {
    const { id } = await register();
    const failing = createUsersFixture({ db: test.database });
    failing.revocations.transaction = async (work) =>
      test.database.transaction(async (transaction) => {
        await work(transaction, () => undefined);
        throw new Error('the commit failed');
      });
    const error = await failing.service.disable(id).catch((e: Error) => e.message);
    expect(error).to.equal('the commit failed');
    expect((await fixture.service.find(id))?.disabledAt).to.equal(null);
    expect(failing.events.emitted).to.deep.equal([]);
  });

  it('is undone by enabling, which makes older tokens stale too', async () => {
    const { id, email } = await register();
    const { rolesVersion } = await fixture.service.disable(id);
    expect(await fixture.service.authenticate(email, PASSWORD)).to.equal(undefined);
    const user = await fixture.service.enable(id);
    expect(user).to.include({ disabledAt: null, rolesVersion: rolesVersion + 1 });
    expect(fixture.events.emitted.at(-1)).to.deep.equal(['user.enabled', { userId: id }]);
    expect(await fixture.service.authenticate(email, PASSWORD)).to.deep.include({ id });

    const told = fixture.events.emitted.length;
    expect(await fixture.service.enable(id)).to.deep.equal(user);
    expect(fixture.events.emitted).to.have.lengthOf(told);
  });

  it('names an unknown user', async () => {
    expect(await problemOf(fixture.service.disable(randomUUID()))).to.equal('users:not-found');
    expect(await problemOf(fixture.service.enable(randomUUID()))).to.equal('users:not-found');
  });

  it('SEC-79 refuses the last active superuser', async () => {
    const [first = '', second = ''] = await makeSuperusers(2);
    await fixture.service.disable(first);
    expect(await problemOf(fixture.service.disable(second))).to.equal('users:last-superuser');
    const user = await fixture.service.find(second);
    expect(user).to.include({ disabledAt: null, rolesVersion: 1 });
    expect(fixture.revocations.denied.map((denied) => 'sub' in denied && denied.sub)).to.deep.equal(
      [first],
    );
    expect(await problemOf(fixture.service.disable(first)), 'again').to.equal('no problem');
    await fixture.service.enable(first);
    expect(await problemOf(fixture.service.disable(second))).to.equal('no problem');
  });

  it('SEC-79 I4 leaves one of the last two when 50 requests disable both', async () => {
    for (let round = 0; round < 3; round += 1) {
      await run('DELETE FROM roles', []);
      const ids = await makeSuperusers(2);
      const requests = Array.from({ length: 50 }, (_, index) => ids[index % 2] ?? '');
      const outcomes = await Promise.all(
        requests.map((id) => problemOf(fixture.service.disable(id))),
      );
      expect(new Set(outcomes)).to.deep.equal(new Set(['no problem', 'users:last-superuser']));
      const users = await Promise.all(ids.map((id) => fixture.service.find(id)));
      expect(users.filter((user) => user?.disabledAt === null)).to.have.lengthOf(1);
    }
  });
});
