import { expect } from 'chai';
import { Revocations } from '../../../src/plugins/revocations/contract.ts';
import { revocations } from '../../../src/plugins/revocations/index.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { eventually } from '../../support/eventually.ts';
import { DRIVERS, type StoreDriver } from '../../support/state-store-drivers.ts';
import { createPluginContext, findService } from '../plugin-context.ts';

for (const [name, startDriver] of Object.entries(DRIVERS)) {
  describe(`revocations plugin, with the ${name} state store`, () => {
    let test: TestDatabase;
    let driver: StoreDriver | undefined;

    before(async function () {
      driver = await startDriver();
      if (!driver) return this.skip();
      test = await createTestDatabase();
    });
    after(async () => {
      await test?.drop();
      await driver?.dispose();
    });

    async function startNode() {
      const store = driver?.open() ?? expect.fail('there is no store');
      await store.ping();
      const { context } = createPluginContext({ db: test.database, store });
      const { start, stop, provides = [] } = revocations.setup(context);
      await start?.();
      const close = async () => {
        await stop?.();
        await store.close();
      };
      return { service: findService(provides, Revocations), close };
    }

    it('tells another node within a second, long before its timer turns (SEC-40)', async () => {
      const [one, two] = [await startNode(), await startNode()];
      await one.service.transaction(async (_transaction, deny) => deny({ sid: 's1' }));
      expect(one.service.denies({ sid: 's1' })).to.equal(true);
      await eventually(() => two.service.denies({ sid: 's1' }), 1_000);
      await Promise.all([one.close(), two.close()]);
    });
  });
}

describe('revocations plugin', () => {
  it('does no I/O while it is set up', () => {
    expect(() => revocations.setup(createPluginContext().context)).to.not.throw();
  });
});
