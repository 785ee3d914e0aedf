import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { createIdentityModel } from '../../../src/plugins/federation/model.ts';
import { createRenewSeals } from '../../../src/plugins/federation/service/renew-seals.ts';
import { createTokenCipher } from '../../../src/plugins/federation/token-cipher.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { createRecordingLog } from '../../support/log.ts';
import { createUsersFixture, newEmail, PASSWORD } from '../users/users-fixture.ts';

const OLD = Buffer.alloc(32, 1);
const NEW = Buffer.alloc(32, 2);
const LOST = Buffer.alloc(32, 3);
const PEOPLE = 5;

describe('stored upstream tokens while SECRET_KEY rotates', () => {
  let test: TestDatabase;
  let identities: ReturnType<typeof createIdentityModel>;
  let users: string[];

  beforeEach(async () => {
    test = await createTestDatabase();
    identities = createIdentityModel(test.database);
    const { service } = createUsersFixture({ db: test.database });
    users = [];
    for (let i = 0; i < PEOPLE; i += 1)
      users.push((await service.register({ email: newEmail(), password: PASSWORD, name: 'X' })).id);
  });
  afterEach(() => test.drop());

  /** What a start with these keys does; answers what it logged. */
  const start = async (...keys: [Buffer, ...Buffer[]]) => {
    const log = createRecordingLog();
    const cipher = createTokenCipher(keys);
    await createRenewSeals({ identities, cipher, log, batch: 2 })();
    return log.entries.map(({ level, fields }) => ({ level, ...fields }));
  };
  const link = async (subject: string, key: Buffer | undefined): Promise<void> => {
    const of = { issuer: 'https://up.example.com', subject };
    const tokens = key && (await createTokenCipher([key]).seal({ accessToken: subject }, of));
    const at = new Date();
    await identities.insert({
      ...{ ...of, id: randomUUID(), user_id: users.pop() ?? '', provider: 'up', email: null },
      ...{ tokens: tokens ?? null, created_at: at, last_used_at: at },
    });
  };
  const opened = async (subject: string, key: Buffer): Promise<string | undefined> => {
    const row = await identities.find('https://up.example.com', subject);
    if (!row?.tokens) return undefined;
    return (await createTokenCipher([key]).open(row.tokens, row))?.accessToken;
  };

  it('SEC-95: `old`, then `new,old`, then `new` alone opens them', async () => {
    for (const subject of ['a', 'b', 'c']) await link(subject, OLD);
    await link('d', NEW);
    await link('without', undefined);
    const event = 'federation.tokens_reencrypted';
    expect(await start(NEW, OLD)).to.deep.equal([{ level: 'info', event, count: 3 }]);
    expect(await start(NEW, OLD), 'nothing left').to.deep.equal([]);
    expect(await start(NEW), 'nothing to do').to.deep.equal([]);
    for (const subject of ['a', 'b', 'c', 'd']) {
      expect(await opened(subject, NEW)).to.equal(subject);
      expect(await opened(subject, OLD)).to.equal(undefined);
    }
  });

  it('SEC-95: those that no key opens stay, are counted, and stop nothing', async () => {
    await link('a', OLD);
    await link('lost', LOST);
    expect(await start(NEW, OLD)).to.deep.equal([
      { level: 'info', event: 'federation.tokens_reencrypted', count: 1 },
      { level: 'warn', event: 'federation.tokens_unreadable', count: 1 },
    ]);
    expect(await opened('lost', LOST)).to.equal('lost');
    expect(await opened('a', NEW)).to.equal('a');
  });

  it('keeps tokens that came while the old ones were encrypted anew', async () => {
    await link('a', OLD);
    const row = await identities.find('https://up.example.com', 'a');
    const sealed = row?.tokens ?? '';
    await identities.used(row?.id ?? '', new Date(), 'newer');
    expect(await identities.replaceTokens(row?.id ?? '', sealed, 'anew')).to.equal(false);
    expect((await identities.find('https://up.example.com', 'a'))?.tokens).to.equal('newer');
  });
});
