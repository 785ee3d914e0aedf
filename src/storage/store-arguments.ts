/** What both drivers of the state store refuse in the same way, before anything is sent. */
import type { Bucket } from '../kernel/store.ts';

/** Bytes: PostgreSQL's NOTIFY carries less than 8,000. */
const LONGEST_MESSAGE = 4_000;
/** Bytes: PostgreSQL's channel names are identifiers. */
const LONGEST_CHANNEL = 63;

/** Throws RangeError unless the lifetime is whole seconds ≥ 1. */
export function checkTtl(ttl: number): void {
  if (!Number.isSafeInteger(ttl) || ttl < 1) {
    throw new RangeError(`A lifetime is a whole number of seconds from 1 on, not ${ttl}`);
  }
}

/** Throws RangeError when the cost could never be paid. */
export function checkBucket({ capacity, refillPerSecond, cost }: Bucket): void {
  const possible = capacity > 0 && refillPerSecond > 0 && cost >= 0 && cost <= capacity;
  if (!possible || !Number.isFinite(capacity) || !Number.isFinite(refillPerSecond)) {
    throw new RangeError(`No bucket of ${capacity} at ${refillPerSecond}/s can pay ${cost}`);
  }
}

export function checkChannel(channel: string): void {
  if (channel === '' || Buffer.byteLength(channel) > LONGEST_CHANNEL) {
    throw new RangeError(`A channel name has 1 to ${LONGEST_CHANNEL} bytes`);
  }
}

export function checkMessage(message: string): void {
  if (Buffer.byteLength(message) > LONGEST_MESSAGE) {
    throw new RangeError(`A message has at most ${LONGEST_MESSAGE} bytes`);
  }
}

/**
 * Floating-point refills may miss a whole token by a hair: who waited as told must not be refused.
 * Both drivers' arithmetic allows for it.
 */
export const TOKEN_TOLERANCE = 1e-6;

/** Whole tokens left, and whole seconds until the asked cost is there. */
export function bucketAnswer(bucket: Bucket, allowed: boolean, tokens: number) {
  const missing = Math.max(0, bucket.cost - tokens);
  return {
    allowed,
    remaining: Math.max(0, Math.floor(tokens + TOKEN_TOLERANCE)),
    retryAfter: allowed ? 0 : Math.max(1, Math.ceil(missing / bucket.refillPerSecond)),
  };
}
