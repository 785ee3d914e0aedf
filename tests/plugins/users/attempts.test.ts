import { expect } from 'chai';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { createUsersFixture, newEmail, PASSWORD } from './users-fixture.ts';

describe('attempts at passwords', () => {
  let test: TestDatabase;
  before(async () => {
    test = await createTestDatabase();
  });
  after(() => test.drop());

  /** Refuses everything once it is told to; keeps for whom it was asked. */
  function install() {
    const asked: string[] = [];
    const hashed: string[] = [];
    const state = { refuses: false };
    const fixture = createUsersFixture({
      db: test.database,
      onHash: (kind) => void hashed.push(kind),
      attempts: {
        account: async (identifier) => {
          asked.push(identifier);
          if (state.refuses) throw new Error('refused');
        },
      },
    });
    return { ...fixture, asked, hashed, state };
  }

  it('SEC-17 SEC-20: are counted before anything is hashed, under the canonical address', async () => {
    const { service, asked, hashed, state } = install();
    const email = newEmail();
    const { id } = await service.register({ email, password: PASSWORD });
    hashed.length = 0;
    state.refuses = true;
    const calls = [
      () => service.authenticate(email.toUpperCase(), PASSWORD),
      () => service.verifyPassword(id, PASSWORD),
      () => service.changePassword(id, { current: PASSWORD, next: 'nine loud ravens dive' }),
    ];
    for (const call of calls) {
      expect(await call().catch((error: Error) => error.message)).to.equal('refused');
    }
    expect(asked).to.deep.equal([email, email, email]);
    expect(hashed).to.deep.equal([]);
  });

  it('SEC-18: are counted for what nobody has, and for what is no address at all', async () => {
    const { service, asked } = install();
    const email = newEmail();
    for (const typed of [email, ' No Address ', 'no address', 'a@b@c', '']) {
      expect(await service.authenticate(typed, PASSWORD)).to.equal(undefined);
    }
    expect(asked).to.deep.equal([email, 'no address', 'no address', 'a@b@c', '']);
  });
});
