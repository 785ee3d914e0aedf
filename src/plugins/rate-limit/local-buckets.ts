/** Buckets of this process alone: for as long as the store does not answer, and for what is not worth asking it. */
import type { Clock } from '../../kernel/clock.ts';
import type { BucketAnswer } from '../../kernel/store.ts';
import type { Policy, Rate } from './rate.ts';

interface Level {
  tokens: number;
  /** Milliseconds. */
  at: number;
}

export interface LocalBuckets {
  take(policy: Policy, key: string): BucketAnswer;
  /** The bucket is full again. */
  forget(key: string): void;
  /** Buckets that are held, for tests. */
  readonly size: number;
}

/** Every process has buckets of its own, so each is stricter than the one they share otherwise. */
export const stricter = <Some extends Rate>(rate: Some): Some => ({
  ...rate,
  capacity: Math.max(1, Math.floor(rate.capacity / 2)),
  refillPerSecond: rate.refillPerSecond / 2,
});

interface Options {
  /** Buckets that are held at most. */
  readonly most?: number;
  /** What a process grants of a rate. Default: `stricter`. */
  readonly share?: (rate: Rate) => Rate;
}

/** Callers that find no room share one bucket for each policy: nobody is forgotten to make room, so nobody gets a full bucket twice. */
export function createLocalBuckets(
  clock: Clock,
  { most = 10_000, share = stricter }: Options = {},
): LocalBuckets {
  const levels = new Map<string, Level & { readonly rate: Rate }>();
  let prunedAt = Number.NEGATIVE_INFINITY;

  const refilled = ({ tokens, at }: Level, rate: Rate, now: number): number =>
    Math.min(rate.capacity, tokens + (Math.max(0, now - at) / 1000) * rate.refillPerSecond);

  /** Drops what is full again, at most once a second: it walks over all. */
  const prune = (now: number): void => {
    if (now - prunedAt < 1000) return;
    prunedAt = now;
    for (const [key, level] of levels) {
      if (refilled(level, level.rate, now) >= level.rate.capacity) levels.delete(key);
    }
  };

  const placeOf = (key: string, policy: Policy, now: number): string => {
    if (levels.has(key) || levels.size < most) return key;
    prune(now);
    return levels.size < most ? key : `overflow:${policy.name}`;
  };

  return {
    take(policy, key) {
      const now = clock.now();
      const rate = share(policy);
      const place = placeOf(key, policy, now);
      const level = levels.get(place) ?? { tokens: rate.capacity, at: now };
      const tokens = refilled(level, rate, now);
      const allowed = tokens >= 1;
      const left = allowed ? tokens - 1 : tokens;
      levels.set(place, { tokens: left, at: now, rate });
      const wait = Math.max(1, Math.ceil((1 - left) / rate.refillPerSecond));
      return { allowed, remaining: Math.floor(left), retryAfter: allowed ? 0 : wait };
    },
    forget: (key) => void levels.delete(key),
    get size() {
      return levels.size;
    },
  };
}
