import { expect } from 'chai';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { problemOf } from '../users/users-fixture.ts';
import { createRolesFixture, type RolesFixture } from './roles-fixture.ts';

const ROUNDS = 3;

describe('SEC-79 I4 the last active superuser', () => {
  let test: TestDatabase;
  let fixture: RolesFixture;

  beforeEach(async () => {
    test = await createTestDatabase({ poolSize: 10 });
    fixture = createRolesFixture(test.database);
  });
  afterEach(() => test.drop());

  const makeSuperusers = async (count: number): Promise<string[]> => {
    const users = await Promise.all(Array.from({ length: count }, fixture.register));
    for (const { id } of users) await fixture.roles.grant(id, 'superuser');
    return users.map(({ id }) => id);
  };
  const active = async (ids: readonly string[]): Promise<string[]> => {
    const has = await Promise.all(ids.map((id) => fixture.roles.has(id, 'superuser')));
    return ids.filter((_, index) => has[index]);
  };
  const repeat = (times: number, work: (index: number) => Promise<unknown>) =>
    Promise.all(Array.from({ length: times }, (_, index) => problemOf(work(index))));

  it('is made with its role when that is missing', async () => {
    const [id = ''] = await makeSuperusers(1);
    expect(await fixture.roles.has(id, 'superuser')).to.equal(true);
  });

  it('keeps the role', async () => {
    const [id = ''] = await makeSuperusers(1);
    const version = await fixture.rolesVersion(id);
    const denied = fixture.denied.length;
    expect(await problemOf(fixture.roles.revoke(id, 'superuser'))).to.equal('roles:last-superuser');
    expect(await fixture.roles.has(id, 'superuser')).to.equal(true);
    expect(await fixture.rolesVersion(id)).to.equal(version);
    expect(fixture.denied).to.have.lengthOf(denied);
  });

  it('is not a disabled one', async () => {
    const [first = '', second = ''] = await makeSuperusers(2);
    await fixture.users.disable(first);
    expect(await problemOf(fixture.roles.revoke(second, 'superuser'))).to.equal(
      'roles:last-superuser',
    );
    expect(await problemOf(fixture.roles.revoke(first, 'superuser'))).to.equal('no problem');
    expect(await active([first, second])).to.deep.equal([second]);
  });

  it('does not stop others from not having the role', async () => {
    await makeSuperusers(1);
    const { id } = await fixture.register();
    expect(await problemOf(fixture.roles.revoke(id, 'superuser'))).to.equal('no problem');
  });

  it('does not keep other roles', async () => {
    const [id = ''] = await makeSuperusers(1);
    await fixture.roles.create({ name: 'editor' });
    await fixture.roles.grant(id, 'editor');
    expect(await problemOf(fixture.roles.revoke(id, 'editor'))).to.equal('no problem');
  });

  it('stays when 50 requests demote the last two', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const ids = await makeSuperusers(2);
      const before = await active(await everybody());
      for (const id of before) if (!ids.includes(id)) await fixture.roles.revoke(id, 'superuser');
      const outcomes = await repeat(50, (index) =>
        fixture.roles.revoke(ids[index % 2] ?? '', 'superuser'),
      );
      expect(new Set(outcomes)).to.deep.equal(new Set(['no problem', 'roles:last-superuser']));
      expect(await active(await everybody())).to.have.lengthOf(1);
    }
  });

  it('stays when 25 requests demote one of the last two and 25 disable the other', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const ids = await makeSuperusers(2);
      for (const id of await active(await everybody())) {
        if (!ids.includes(id)) await fixture.roles.revoke(id, 'superuser');
      }
      const [first = '', second = ''] = ids;
      const outcomes = await repeat(50, async (index) => {
        if (index % 2 === 0) await fixture.roles.revoke(first, 'superuser');
        else await fixture.users.disable(second);
      });
      const known = ['no problem', 'roles:last-superuser', 'users:last-superuser'];
      for (const outcome of outcomes) expect(outcome).to.be.oneOf(known);
      expect(await active(await everybody())).to.have.lengthOf(1);
    }
  });

  const everybody = async (): Promise<string[]> =>
    (await fixture.users.list({ limit: 1_000 })).map(({ id }) => id);
});
