import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { diagnosePartitions } from '../../../src/plugins/sessions/diagnose.ts';
import { createSessionModel } from '../../../src/plugins/sessions/model.ts';
import { createPartitionKeeper } from '../../../src/plugins/sessions/partitions.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { testClock } from '../plugin-context.ts';

describe('diagnosis of the login history', () => {
  let test: TestDatabase;
  before(async () => {
    test = await createTestDatabase();
  });
  after(() => test.drop());

  const clock = testClock(Date.UTC(2026, 10, 30));
  const sql = (text: string) => test.database.orm.query(text);
  const sessions = () => createSessionModel(test.database);
  const keep = () => createPartitionKeeper({ sessions: sessions(), clock })();
  const diagnose = async () => {
    const findings = await diagnosePartitions({ sessions: sessions(), clock, days: 365 }).check();
    return findings.map(({ severity, problem }) => `${severity}: ${problem}`);
  };

  it('finds partitions that nobody made', async () => {
    expect(await diagnose()).to.deep.equal([
      'warning: login_history lacks partitions: login_history_2026_11, login_history_2026_12.',
    ]);
    await sql('CREATE TABLE login_history_2026_12 (LIKE login_history)');
    expect((await diagnose())[0]).to.contain('login_history_2026_12');
    await sql('DROP TABLE login_history_2026_12');
    await keep();
    expect(await diagnose()).to.deep.equal([]);
  });

  it('finds rows in the DEFAULT partition, and docs/operations.md moves them', async () => {
    await sql('DROP TABLE login_history_2026_12');
    await sql(`INSERT INTO login_history (id, user_id, session_id, method, device, ip, auth_date)
      VALUES (gen_random_uuid(), gen_random_uuid(), 's', 'pwd', '', '', '2026-12-02 00:00Z')`);
    const [stray] = await diagnose();
    expect(stray).to.match(/^broken: login_history has 1 rows in its DEFAULT partition/);
    const failure = await keep().catch((error: Error) => error.message);
    expect(failure).to.contain('default partition');
    for (const statement of await statements()) await sql(statement);
    expect(await diagnose()).to.deep.equal([]);
    await keep();
  });
});

/** Those that docs/operations.md has for it, as one transaction on one connection. */
async function statements(): Promise<string[]> {
  const file = new URL('../../../docs/operations.md', import.meta.url);
  const [, text = ''] =
    /```sql\n(BEGIN;\nCREATE TEMPORARY[^`]*)```/.exec(await readFile(file, 'utf8')) ?? [];
  return [text];
}
