/** A process that embeds the server, and cannot end itself when a start fails. */
import { expect } from 'chai';
import { loadSettings } from '../src/load-settings.ts';
import { startServer } from '../src/main.ts';
import { plugin } from './kernel/test-plugin.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { eventually } from './support/eventually.ts';
import { freePort } from './support/free-port.ts';

const OTHERS = {
  name: 'others',
  text: `SELECT count(*)::integer AS count FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()`,
};

describe('startServer', () => {
  let database: TestDatabase;
  before(async () => {
    database = await createTestDatabase();
  });
  after(() => database?.drop());

  it('C10 that fails leaves no listener, no timer and no connection behind', async () => {
    const PORT = String(await freePort());
    const others = async () =>
      (await database.database.query<{ count: number }>(OTHERS, []))[0]?.count;
    const before = await others();
    const timers = () => process.getActiveResourcesInfo().filter((one) => one === 'Timeout').length;
    const timersBefore = timers();
    const loaded = await loadSettings({
      PORT,
      LOG_LEVEL: 'silent',
      SECRET_KEY: 'test-only-key-0123456789-0123456789-0123456789',
      DATABASE_URL: database.url,
    });
    const calls: string[] = [];
    const plugins = [
      ...loaded.plugins,
      plugin('good', { stop: async () => void calls.push('good.stop') }),
      plugin('bad', { start: () => Promise.reject(new Error('not today')) }),
    ];
    const failed = await startServer({ ...loaded, plugins }, new AbortController().signal)
      .then(() => undefined)
      .catch((error: Error) => error.message);
    expect(failed).to.equal('not today');
    expect(calls).to.deep.equal(['good.stop']);
    const refused = await fetch(`http://127.0.0.1:${PORT}/health/live`).catch(() => 'refused');
    expect(refused).to.equal('refused');
    await eventually(async () => expect(await others()).to.be.at.most(before ?? 0));
    await eventually(() => expect(timers()).to.be.at.most(timersBefore));
  });
});
