import { expect } from 'chai';
import { diagnoseHashes } from '../../../src/plugins/users/diagnose.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { createUsersFixture, newEmail, PASSWORD } from './users-fixture.ts';

describe('D11 parameters of stored hashes', () => {
  let test: TestDatabase;
  before(async () => {
    test = await createTestDatabase();
  });
  after(() => test.drop());

  it('are read off the index: each once, however many users have them', async () => {
    const { model, service } = createUsersFixture({ db: test.database, memoryKib: 64 });
    expect(await model.hashParameters()).to.deep.equal([]);
    for (const memoryKib of [64, 64, 128]) {
      const fixture = createUsersFixture({ db: test.database, memoryKib });
      await fixture.service.register({ email: newEmail(), password: PASSWORD });
    }
    const { id } = await service.register({ email: newEmail(), password: PASSWORD });
    await test.database.orm.query(
      `UPDATE users SET password_hash = '0a1b2c3d$argon2id$v=19$m=256,t=3,p=1$c2FsdA$aGFzaA' WHERE id = '${id}'`,
    );
    const bare = await service.create(
      { ...(await service.prepare({ email: newEmail(), password: PASSWORD })), passwordHash: null },
      { emailVerified: true },
    );
    expect(bare).to.not.equal(undefined);
    expect([...(await model.hashParameters())].sort()).to.deep.equal([
      'm=128,t=1,p=1',
      'm=256,t=3,p=1',
      'm=64,t=1,p=1',
    ]);
  });

  it('that cost more than today’s are a finding of the doctor, since every check costs them', async () => {
    const users = { hashParameters: async () => ['m=128,t=1,p=1', 'm=256,t=3,p=1'] };
    const [finding, ...more] = await diagnoseHashes({ users, memoryKib: 256, passes: 2 }).check();
    expect(more).to.deep.equal([]);
    expect(finding).to.include({ severity: 'warning' });
    expect(finding?.problem).to.include('m=256,t=3,p=1').and.not.include('m=128');
    expect(await diagnoseHashes({ users, memoryKib: 256, passes: 3 }).check()).to.deep.equal([]);
  });
});
