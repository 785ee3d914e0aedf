import { expect } from 'chai';
import { StoreUnavailable } from '../../src/kernel/store.ts';
import { ageRotations } from '../support/ageing.ts';
import { loginAt, meAt, refreshAt, tokensOf } from '../support/cookie-api.ts';
import { eventually } from '../support/eventually.ts';
import { createRecordingLog } from '../support/log.ts';
import { ISSUER } from '../support/nodes.ts';
import { createUser } from '../support/people.ts';
import { createStatementHooks } from '../support/statement-hooks.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

/** Seconds: later than the same-answer window. */
const LATE = 11;

describe('a replay that PostgreSQL was lost in the middle of (SEC-46)', () => {
  const hooks = createStatementHooks();
  const log = createRecordingLog();
  let app: TestApp;
  before(async () => {
    app = await startTestApp({ origin: ISSUER, wrapStorage: hooks.wrap, log });
  });
  after(() => app?.close());

  for (const statement of ['sessions-end', 'grants-end-all']) {
    it(`at "${statement}" ends the session with the next one, and is told`, async () => {
      const user = await createUser(app);
      const used = await loginAt(app, user);
      const successor = tokensOf(await refreshAt(app, used.refresh));
      await ageRotations(app, user.id, LATE);
      hooks.once('before', statement, () => {
        throw new StoreUnavailable('PostgreSQL did not answer');
      });
      expect((await refreshAt(app, used.refresh)).status).to.equal(503);
      expect((await refreshAt(app, used.refresh)).status).to.equal(401);
      await eventually(async () => (await meAt(app, successor.access)).status === 401);
      expect((await refreshAt(app, successor.refresh)).status).to.equal(401);
      const told = log.entries.filter(({ fields }) => {
        const { event, sub } = fields as { event?: string; sub?: string };
        return event === 'refresh_token.replayed' && sub === user.id;
      });
      expect(told).to.have.lengthOf(1);
    });
  }
});
