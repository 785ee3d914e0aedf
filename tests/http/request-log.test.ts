import { mock } from 'node:test';
import { expect } from 'chai';
import type { Context } from 'koa';
import { requestLog } from '../../src/http/request-log.ts';
import { testRandom } from '../plugins/plugin-context.ts';
import { createRecordingLog } from '../support/log.ts';

describe('the line of a request', () => {
  afterEach(() => mock.timers.reset());

  it('says how long it took, whatever becomes of the clock meanwhile', async () => {
    mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
    const log = createRecordingLog();
    const handle = requestLog({
      log,
      random: testRandom,
      clientIp: () => '198.18.0.1',
      requestIds: () => 'an-id',
      inRequest: (_id, work) => work(),
    });
    const ctx = { state: {}, get: () => '', set: () => undefined, req: {}, path: '/', status: 200 };
    await handle(ctx as unknown as Context as never, async () => mock.timers.setTime(1));
    const [{ fields } = { fields: {} }] = log.entries;
    expect((fields as { ms: number }).ms).to.be.within(0, 60_000);
    expect(fields).to.have.property('ms').that.satisfies(Number.isInteger);
  });
});
