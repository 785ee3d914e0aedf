/** Token buckets in the state store, and what takes their place while it is away. */
import { createHmac, type KeyObject } from 'node:crypto';
import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/plugin.ts';
import { type BucketAnswer, type StateStore, StoreUnavailable } from '../../kernel/store.ts';
import { createLocalBuckets } from './local-buckets.ts';
import type { Policy } from './rate.ts';

/** Milliseconds for which a store that failed is not asked again: nobody waits for it twice. */
const PAUSE = 1000;

export interface BucketDependencies {
  readonly store: Pick<StateStore, 'takeTokens' | 'delete'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Keys of buckets name nobody: without this key none tells an address from another. */
  readonly key: KeyObject;
}

/** What a bucket said, and the policy that applied. */
export interface Taken extends BucketAnswer {
  readonly policy: Policy;
}

export interface Buckets {
  /** Takes one token from the bucket of whoever is named; one atomic operation of the store. */
  take(policy: Policy, ...who: readonly string[]): Promise<Taken>;
  /** Makes that bucket full again. A store that does not answer leaves it as it is. */
  fill(policy: Policy, ...who: readonly string[]): Promise<void>;
}

export function createBuckets({ store, clock, log, key }: BucketDependencies): Buckets {
  const local = createLocalBuckets(clock);
  /** When the store failed last, in milliseconds; undefined while it answers. */
  let lostAt: number | undefined;

  const keyOf = ({ name }: Policy, who: readonly string[]): string =>
    `rate:${name}:${createHmac('sha256', key)
      .update(JSON.stringify([name, ...who]))
      .digest('base64url')}`;

  /** One caller a second tries a store that is away. Also when the clock was set back. */
  const mayAsk = (now: number): boolean =>
    lostAt === undefined || now - lostAt >= PAUSE || now < lostAt;
  const lost = (error: StoreUnavailable): void => {
    if (lostAt === undefined) {
      log.warn(
        { event: 'rate_limit.store_lost', reason: error.message },
        'each process limits by itself, more strictly',
      );
    }
    lostAt = clock.now();
  };
  const found = (): void => {
    if (lostAt === undefined) return;
    log.info({ event: 'rate_limit.store_back' }, 'limits are shared again');
    lostAt = undefined;
  };

  const take: Buckets['take'] = async (policy, ...who) => {
    const bucket = keyOf(policy, who);
    const now = clock.now();
    if (mayAsk(now)) {
      if (lostAt !== undefined) lostAt = now;
      try {
        const { capacity, refillPerSecond } = policy;
        const answer = await store.takeTokens({ key: bucket, capacity, refillPerSecond, cost: 1 });
        found();
        return { ...answer, policy };
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) throw error;
        lost(error);
      }
    }
    return { ...local.take(policy, bucket), policy };
  };

  const fill: Buckets['fill'] = async (policy, ...who) => {
    const bucket = keyOf(policy, who);
    local.forget(bucket);
    try {
      await store.delete(bucket);
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      log.warn(
        { event: 'rate_limit.not_refilled', reason: error.message },
        'a bucket stays as it is',
      );
    }
  };

  return { take, fill };
}
