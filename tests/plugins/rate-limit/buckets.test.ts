import { createSecretKey, randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { StoreUnavailable } from '../../../src/kernel/store.ts';
import { createBuckets } from '../../../src/plugins/rate-limit/buckets.ts';
import { createRecordingLog } from '../../support/log.ts';

const policy = { name: 'account', capacity: 4, refillPerSecond: 0.001 };

describe('rate-limit: buckets without their store', () => {
  const install = () => {
    const log = createRecordingLog();
    const away = async () => {
      throw new StoreUnavailable('away');
    };
    const buckets = createBuckets({
      store: { takeTokens: away, delete: away },
      clock: { now: () => 0 },
      log,
      key: createSecretKey(randomBytes(32)),
    });
    const allowed = async (...who: string[]) => (await buckets.take(policy, ...who)).allowed;
    const spend = async (...who: string[]) => {
      let count = 0;
      while (await allowed(...who)) count += 1;
      return count;
    };
    return { buckets, spend, log };
  };

  it('D5 SEC-89 the owner’s is apart from that of strangers here too, and half as large', async () => {
    const { spend } = install();
    expect(await spend('ada@example.com')).to.equal(2);
    expect(await spend('ada@example.com', 'browser 1')).to.equal(2);
    expect(await spend('ada@example.com', 'browser 2')).to.equal(2);
    expect(await spend('ada@example.com')).to.equal(0);
  });

  it('D5 a reset fills that of this process, and says in the log that the shared one stays as it is', async () => {
    const { buckets, spend, log } = install();
    await spend('ada@example.com');
    await spend('bob@example.com');
    await buckets.fill(policy, 'ada@example.com');
    expect(await spend('ada@example.com')).to.equal(2);
    expect(await spend('bob@example.com')).to.equal(0);
    expect(log.entries.map(({ fields }) => fields)).to.deep.include({
      event: 'rate_limit.not_refilled',
      reason: 'away',
    });
  });
});
