/** Token buckets that a test's clock fills: those of the stores go by the stores' own clocks. */
import type { Clock } from '../../src/kernel/clock.ts';
import type { Bucket, BucketAnswer } from '../../src/kernel/store.ts';
import type { Storage } from '../../src/storage/open-storage.ts';

interface Level {
  readonly tokens: number;
  /** Milliseconds. */
  readonly at: number;
}

export function withClockedBuckets(clock: Clock): (storage: Storage) => Storage {
  const levels = new Map<string, Level>();

  const take = ({ key, capacity, refillPerSecond, cost }: Bucket): BucketAnswer => {
    const at = clock.now();
    const before = levels.get(key) ?? { tokens: capacity, at };
    const refilled = before.tokens + ((at - before.at) / 1000) * refillPerSecond;
    const tokens = Math.min(capacity, refilled);
    const allowed = tokens >= cost;
    const left = allowed ? tokens - cost : tokens;
    levels.set(key, { tokens: left, at });
    const retryAfter = allowed ? 0 : Math.ceil((cost - left) / refillPerSecond);
    return { allowed, remaining: Math.floor(left), retryAfter };
  };

  return (storage) => ({
    ...storage,
    store: {
      ...storage.store,
      takeTokens: async (bucket) => take(bucket),
      async delete(key) {
        levels.delete(key);
        await storage.store.delete(key);
      },
    },
  });
}
