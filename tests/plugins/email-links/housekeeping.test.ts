import { expect } from 'chai';
import { createHousekeeping } from '../../../src/plugins/email-links/housekeeping.ts';
import { createLinkModel } from '../../../src/plugins/email-links/model.ts';
import { Users } from '../../../src/plugins/users/contract.ts';
import { codeMailedTo } from '../../support/mailed-links.ts';
import { createUser } from '../../support/people.ts';
import { startTestApp, type TestApp } from '../../support/test-app.ts';

const HOUR = 3600_000;

describe('housekeeping of email-links', () => {
  let app: TestApp;
  before(async () => {
    app = await startTestApp();
  });
  after(() => app.close());

  const forgot = (email: string) =>
    app.browser().request('/auth/password/forgot', { json: { email } });

  const countLinks = async (): Promise<number> => {
    const [rows] = await app.storage.db.orm.query('SELECT code_hash FROM email_links');
    return rows.length;
  };

  const runAt = async (now: number): Promise<void> => {
    const model = createLinkModel(app.storage.db);
    const clock = { now: () => now };
    const { tasks = [] } = createHousekeeping({ model, users: app.app.use(Users), clock });
    for (const task of tasks) await task.run();
  };

  it('forgets links and decoys that have expired, and no others', async () => {
    const { email } = await createUser(app);
    await forgot(email);
    await forgot('nobody@example.com');
    expect(await countLinks()).to.equal(2);
    await runAt(Date.now() + HOUR / 7);
    expect(await countLinks()).to.equal(2);
    // A decoy stands for nothing: that it goes first, nobody can see.
    await runAt(Date.now() + HOUR / 2);
    expect(await countLinks()).to.equal(1);
    const json = { token: await codeMailedTo(app, email), new_password: 'nine loud ravens dive' };
    const reset = await app.browser().request('/auth/password/reset', { json });
    expect(reset.status).to.equal(204);
    await runAt(Date.now() + HOUR + 60_000);
    expect(await countLinks()).to.equal(0);
  });

  it('loses the links of a user with the user', async () => {
    const { id, email } = await createUser(app);
    await forgot(email);
    expect(await countLinks()).to.equal(1);
    await app.storage.db.orm.query(`DELETE FROM users WHERE id = '${id}'`);
    expect(await countLinks()).to.equal(0);
  });
});
