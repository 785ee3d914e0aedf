import { expect } from 'chai';
import { broken, type Finding, warning } from '../../src/kernel/plugin.ts';
import { systemClock } from '../../src/system.ts';
import { plugin } from '../kernel/test-plugin.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

describe('GET /health/ready', () => {
  let test: TestApp;
  let found: readonly Finding[] = [];
  let asked = 0;
  let passed = 0;

  before(async () => {
    const queue = { name: 'queue', readiness: true, check: async () => found };
    const slow = {
      name: 'slow',
      async check() {
        asked += 1;
        return [broken('It is broken.', 'Mend it.')];
      },
    };
    const clock = { now: () => systemClock.now() + passed };
    test = await startTestApp({ clock, plugins: [plugin('queues', { diagnoses: [queue, slow] })] });
  });
  after(() => test.close());

  const ready = async () => {
    // What was found holds for a tenth of a second.
    passed += 100;
    const answer = await test.browser().request('/health/ready');
    return { status: answer.status, body: answer.json() };
  };
  const FINE = {
    postgresql: 'ok',
    state_store: 'ok',
    migrations: 'ok',
    signing_keys: 'ok',
    queue: 'ok',
  };

  it('asks the checks of authsrv doctor that are about serving, and no others', async () => {
    expect(await ready()).to.deep.equal({
      status: 200,
      body: { status: 'ready', dependencies: FINE },
    });
    expect(asked).to.equal(0);
  });

  it('is degraded by what is broken, not by a warning, and tells no more than names', async () => {
    found = [warning('It is warm.', 'Cool it.')];
    expect((await ready()).status).to.equal(200);
    found = [broken('It is broken.', 'Mend it.')];
    expect(await ready()).to.deep.equal({
      status: 503,
      body: { status: 'degraded', dependencies: { ...FINE, queue: 'failed' } },
    });
    found = [];
  });

  it('is degraded by a migration that is missing', async () => {
    const last = '(SELECT max(name) FROM "SequelizeMeta")';
    await test.database.database.orm.query(`DELETE FROM "SequelizeMeta" WHERE name = ${last}`);
    expect(await ready()).to.deep.equal({
      status: 503,
      body: { status: 'degraded', dependencies: { ...FINE, migrations: 'failed' } },
    });
  });
});
