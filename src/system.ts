/** The real clock and the real randomness. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { Clock, Random } from './kernel/clock.ts';

export const systemClock: Clock = { now: () => Date.now() };

export const systemRandom: Random = {
  bytes: (count) => randomBytes(count),
  token: (count = 32) => randomBytes(count).toString('base64url'),
  uuid: () => randomUUID(),
};
