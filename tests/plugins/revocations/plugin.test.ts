import { expect } from 'chai';
import { Revocations } from '../../../src/plugins/revocations/contract.ts';
import { revocations } from '../../../src/plugins/revocations/index.ts';
import { createPostgresStore } from '../../../src/storage/postgres-store.ts';
import { openListenClient } from '../../../src/storage/postgres-listener.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { eventually } from '../../support/eventually.ts';
import { silentLog } from '../../support/log.ts';
import { createPluginContext, findService } from '../plugin-context.ts';

describe('revocations plugin', () => {
  let test: TestDatabase;

  before(async () => {
    test = await createTestDatabase();
  });
  after(() => test.drop());

  /** A node with a state store of its own, as in a fleet without Redis. */
  async function startNode() {
    const store = createPostgresStore({
      query: test.database.query,
      openListenClient: () => openListenClient({ connectionString: test.url }),
      log: silentLog,
    });
    const { context } = createPluginContext({ db: test.database, store });
    const { start, stop, provides = [] } = revocations.setup(context);
    await start?.();
    const close = async () => {
      await stop?.();
      await store.close();
    };
    return { service: findService(provides, Revocations), close };
  }

  it('tells another node by the real state store, well before its timer turns (SEC-40)', async () => {
    const [one, two] = [await startNode(), await startNode()];
    await one.service.transaction(async (_transaction, deny) => deny({ sid: 's1' }));
    await eventually(() => two.service.denies({ sid: 's1' }), 1_000);
    await Promise.all([one.close(), two.close()]);
  });

  it('does no I/O while it is set up', () => {
    expect(() => revocations.setup(createPluginContext().context)).to.not.throw();
  });
});
