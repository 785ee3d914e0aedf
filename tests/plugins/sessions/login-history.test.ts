import { expect } from 'chai';
import { StoreUnavailable } from '../../../src/kernel/store.ts';
import { diagnosePartitions } from '../../../src/plugins/sessions/diagnose.ts';
import { createSessionModel } from '../../../src/plugins/sessions/model.ts';
import {
  createForgetHistory,
  createPartitionKeeper,
} from '../../../src/plugins/sessions/partitions.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { testClock } from '../plugin-context.ts';

describe('login history that has become old', () => {
  let test: TestDatabase;
  before(async () => {
    test = await createTestDatabase();
  });
  after(() => test.drop());

  const sql = (text: string) => test.database.orm.query(text);
  const sessions = () => createSessionModel(test.database);
  const at = (time: string, days = 365) => ({
    sessions: sessions(),
    clock: testClock(Date.parse(time)),
    days,
  });
  const signIn = (time: string) =>
    sql(`INSERT INTO login_history (id, user_id, session_id, method, device, ip, auth_date)
      VALUES (gen_random_uuid(), gen_random_uuid(), 's', 'pwd', '', '192.0.2.1', '${time}')`);
  const column = async (text: string): Promise<string[]> => {
    const [rows] = await sql(text);
    return (rows as { value: string }[]).map(({ value }) => value);
  };
  const partitions = () =>
    column(`SELECT inhrelid::regclass::text AS value FROM pg_inherits
      WHERE inhparent = 'login_history'::regclass ORDER BY 1`);
  const signIns = () =>
    column(`SELECT to_char(auth_date AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS value
      FROM login_history ORDER BY auth_date`);

  it('C17 goes a month at a time, once all of the month is older than LOGIN_HISTORY_DAYS', async () => {
    // Without a partition of its month, as when no node ran for long.
    for (let day = 1; day <= 3; day += 1) await signIn(`2025-08-0${day} 00:00Z`);
    await createPartitionKeeper(at('2025-10-15'))();
    for (const time of ['2025-10-01', '2025-10-31 23:59:59', '2025-11-01', '2025-11-30']) {
      await signIn(`${time}Z`);
    }
    await createPartitionKeeper(at('2026-10-31'))();
    const all = await partitions();
    await createForgetHistory(at('2026-10-31T23:59:59Z', 0))();
    expect(await signIns(), '0: for good').to.have.length(7);
    await createForgetHistory(at('2026-10-31T23:59:59Z'))();
    expect(await signIns(), 'not yet').to.deep.equal([
      '2025-10-01',
      '2025-10-31',
      '2025-11-01',
      '2025-11-30',
    ]);
    expect(await partitions()).to.deep.equal(all);
    await createForgetHistory(at('2026-11-01'))();
    expect(await signIns()).to.deep.equal(['2025-11-01', '2025-11-30']);
    expect(await partitions()).to.deep.equal(all.filter((name) => !name.endsWith('2025_10')));
  });

  it('C17 is dropped by whichever of many nodes comes first', async () => {
    await Promise.all(Array.from({ length: 4 }, () => createForgetHistory(at('2026-12-01'))()));
    expect(await signIns()).to.deep.equal([]);
  });

  it('C17 waits for half a second at most for whoever reads it, and doctor tells of what stays', async () => {
    await createPartitionKeeper(at('2024-01-15'))();
    const diagnose = async () =>
      (await diagnosePartitions(at('2026-11-15')).check()).map(({ problem }) => problem);
    const failure = await test.database.transaction(async (transaction) => {
      await test.database.orm.query('SELECT FROM login_history', { transaction });
      return createForgetHistory(at('2026-11-15'))().catch((error: Error) => error);
    });
    expect(failure).to.be.instanceOf(StoreUnavailable);
    expect(String((failure as Error).cause)).to.contain('lock timeout');
    expect((await diagnose()).join()).to.contain('login_history_2024_01');
    await createForgetHistory(at('2026-11-15'))();
    expect((await diagnose()).join()).not.to.contain('login_history_2024_01');
  });
});
