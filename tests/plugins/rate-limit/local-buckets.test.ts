import { expect } from 'chai';
import { createLocalBuckets } from '../../../src/plugins/rate-limit/local-buckets.ts';

const policy = { name: 'sign-in', capacity: 10, refillPerSecond: 2 };

describe('rate-limit: buckets of one process', () => {
  let now: number;
  const clock = { now: () => now };
  beforeEach(() => {
    now = 1_000_000;
  });

  const takeAll = (buckets: ReturnType<typeof createLocalBuckets>, key: string): number => {
    let allowed = 0;
    while (buckets.take(policy, key).allowed) allowed += 1;
    return allowed;
  };

  it('hold half of what the shared one holds, and fill half as fast', () => {
    const buckets = createLocalBuckets(clock);
    expect(takeAll(buckets, 'one')).to.equal(5);
    expect(buckets.take(policy, 'one')).to.deep.equal({
      allowed: false,
      remaining: 0,
      retryAfter: 1,
    });
    now += 2_000;
    expect(takeAll(buckets, 'one')).to.equal(2);
    expect(takeAll(buckets, 'other')).to.equal(5);
  });

  it('hold one token at least', () => {
    const buckets = createLocalBuckets(clock);
    const tiny = { ...policy, capacity: 1 };
    expect(buckets.take(tiny, 'one').allowed).to.equal(true);
    expect(buckets.take(tiny, 'one').allowed).to.equal(false);
  });

  it('never overflow, and gain nothing from a clock that is set back', () => {
    const buckets = createLocalBuckets(clock);
    takeAll(buckets, 'one');
    now -= 3_600_000;
    expect(buckets.take(policy, 'one').allowed).to.equal(false);
    now += 86_400_000;
    expect(takeAll(buckets, 'one')).to.equal(5);
  });

  it('stay bounded under a flood of keys: latecomers share one, and nobody gets a full bucket twice', () => {
    const buckets = createLocalBuckets(clock, { most: 100 });
    for (let index = 0; index < 100; index += 1) takeAll(buckets, `key ${index}`);
    let admitted = 0;
    for (let index = 0; index < 10_000; index += 1) {
      if (buckets.take(policy, `flood ${index}`).allowed) admitted += 1;
    }
    expect(admitted).to.equal(5);
    expect(buckets.size).to.equal(101);
    expect(buckets.take(policy, 'key 0').allowed).to.equal(false);
    // Once the old ones are full again, there is room.
    now += 60_000;
    expect(takeAll(buckets, 'newcomer')).to.equal(5);
    expect(buckets.size).to.be.lessThan(101);
  });
});
