import { expect } from 'chai';
import { openListenClient } from '../../src/storage/postgres-listener.ts';
import { createPostgresStore, type PostgresStore } from '../../src/storage/postgres-store.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { createRecordingLog } from '../support/log.ts';

const COUNT = {
  name: 'count-all',
  text: `SELECT (SELECT count(*)::integer FROM state_store) AS records,
    (SELECT count(*)::integer FROM rate_buckets) AS buckets`,
};
const FILL = {
  name: 'fill',
  text: `INSERT INTO state_store (key, value, expires_at)
    SELECT 'old ' || n, 'value', now() - interval '1 second' FROM generate_series(1, $1::integer) n`,
};
const CLEAR = { name: 'clear', text: 'TRUNCATE state_store, rate_buckets' };

describe('state store on PostgreSQL: expired records', function () {
  this.timeout(10_000);
  let home: TestDatabase;
  let store: PostgresStore;
  const log = createRecordingLog();

  const counts = async () => (await home.database.query(COUNT, []))[0];

  before(async () => {
    home = await createTestDatabase();
  });

  beforeEach(async () => {
    await home.database.query(CLEAR, []);
    store = createPostgresStore({
      query: home.database.query,
      openListenClient: () => openListenClient({ connectionString: home.url }),
      log,
    });
  });

  afterEach(() => store.close());
  after(() => home.drop());

  it('are swept, in as many batches as it takes, and live ones are not', async () => {
    await home.database.query(FILL, [1_234]);
    await store.set('live', 'value', 60);
    expect(await store.sweep()).to.equal(1_234);
    expect(await store.get('live')).to.equal('value');
    expect(await counts()).to.deep.equal({ records: 1, buckets: 0 });
  });

  it('include buckets that are full again', async () => {
    await store.takeTokens({ key: 'slow', capacity: 1, refillPerSecond: 0.001, cost: 1 });
    await store.takeTokens({ key: 'fast', capacity: 1, refillPerSecond: 1_000, cost: 1 });
    await eventually(async () => (await store.sweep()) === 1);
    expect(await counts()).to.deep.equal({ records: 0, buckets: 1 });
  });

  it('are left to whoever writes them anew meanwhile', async () => {
    await home.database.query(FILL, [500]);
    const keys = Array.from({ length: 500 }, (_, index) => `old ${index + 1}`);
    const [, ...wrote] = await Promise.all([
      store.sweep(),
      ...keys.map((key) => store.setIfAbsent(key, 'new', 60)),
    ]);
    expect(wrote.every(Boolean)).to.equal(true);
    await store.sweep();
    const values = await Promise.all(keys.map((key) => store.get(key)));
    expect(new Set(values)).to.deep.equal(new Set(['new']));
  });

  it('are swept by themselves after start', async () => {
    await home.database.query(FILL, [10]);
    store.start(5);
    await eventually(async () => expect(await counts()).to.deep.equal({ records: 0, buckets: 0 }));
  });

  it('are tried again after a sweep failed, and the failure is logged', async () => {
    await home.database.query(
      { name: 'hide', text: 'ALTER TABLE rate_buckets RENAME TO hidden' },
      [],
    );
    store.start(5);
    await eventually(() => log.entries.length > 0);
    expect(log.entries[0]?.fields).to.include({ event: 'state_store.sweep_failed' });
    await home.database.query(
      { name: 'show', text: 'ALTER TABLE hidden RENAME TO rate_buckets' },
      [],
    );
    await home.database.query(FILL, [10]);
    await eventually(async () => expect(await counts()).to.deep.equal({ records: 0, buckets: 0 }));
  });
});
