/** Limits while the state store is away: each process by itself and more strictly, never open (SEC-89). */
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import type { Answer } from '../support/browser.ts';
import { eventually } from '../support/eventually.ts';
import { breakOff, type FaultyApp, startFaultyApp } from '../support/faulty-app.ts';
import { anyAddress, countOf, probe } from '../support/limited-app.ts';
import { createRecordingLog } from '../support/log.ts';
import { storeKinds } from '../support/test-app.ts';

const CAPACITY = 20;

for (const store of storeKinds) {
  describe(`rate limits without the state store, on ${store}`, function () {
    this.timeout(60_000);
    let faulty: FaultyApp;
    const log = createRecordingLog();
    before(async () => {
      faulty = await startFaultyApp(store, {
        log,
        settings: {
          RATE_LIMIT: 'on',
          TRUST_PROXY: '127.0.0.1',
          SECRET_KEY: randomBytes(32).toString('hex'),
          RATE_LIMIT_SIGN_IN: `${CAPACITY}/0.001`,
        },
      });
    });
    after(() => faulty?.close());

    const calls = async (ip: string, count: number): Promise<Answer[]> =>
      Promise.all(
        Array.from({ length: count }, () => probe(faulty.app, { 'x-forwarded-for': ip })),
      );
    const events = () =>
      log.entries
        .map(({ fields }) => (fields as { event?: string }).event ?? '')
        .filter((event) => event.startsWith('rate_limit.'));

    for (const fault of ['refuse', 'hang'] as const) {
      it(`SEC-89: half a bucket in this process while the store does "${fault}", the shared one afterwards`, async () => {
        const ip = anyAddress();
        expect(countOf(await calls(ip, 5), 400)).to.equal(5);
        faulty.store.fault = fault;
        if (fault === 'refuse') breakOff(faulty.store);
        const answers = await calls(ip, 3 * CAPACITY);
        expect(countOf(answers, 400)).to.equal(CAPACITY / 2);
        expect(countOf(answers, 429)).to.equal(3 * CAPACITY - CAPACITY / 2);
        expect(events().at(-1)).to.equal('rate_limit.store_lost');

        faulty.store.fault = 'pass';
        faulty.store.cut();
        // Fresh addresses, until one is counted in the store again: a local bucket would begin with half.
        await eventually(async () => {
          const [answer] = await calls(anyAddress(), 1);
          const remaining = /r=(\d+)/.exec(answer?.headers.get('ratelimit') ?? '')?.[1];
          expect(Number(remaining)).to.equal(CAPACITY - 1);
        });
        expect(events().at(-1)).to.equal('rate_limit.store_back');
        // What was spent there before the outage is still spent.
        expect(countOf(await calls(ip, CAPACITY), 400)).to.equal(CAPACITY - 5);
      });
    }
  });
}
