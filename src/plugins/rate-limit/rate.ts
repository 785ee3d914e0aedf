/** How a bucket fills, and what is told of it. */
import type { BucketAnswer } from '../../kernel/store.ts';

export interface Rate {
  /** Tokens of a full bucket: the burst. */
  readonly capacity: number;
  readonly refillPerSecond: number;
}

/** A kind of bucket, by its name in the header fields. */
export interface Policy extends Rate {
  readonly name: string;
}

/**
 * `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10): quota `q` in a window of `w` seconds,
 * the time an empty bucket needs to be full; `r` is left now, and in `t` seconds the bucket is full again.
 */
export function headerFields(
  { name, capacity, refillPerSecond }: Policy,
  { remaining }: BucketAnswer,
): Readonly<Record<string, string>> {
  const secondsFor = (tokens: number): number => Math.ceil(tokens / refillPerSecond);
  return {
    'RateLimit-Policy': `"${name}";q=${capacity};w=${secondsFor(capacity)}`,
    RateLimit: `"${name}";r=${remaining};t=${secondsFor(capacity - remaining)}`,
  };
}
