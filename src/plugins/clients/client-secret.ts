import { createHash, timingSafeEqual } from 'node:crypto';
import type { Random } from '../../kernel/clock.ts';

const sha256 = (text: string): Buffer => createHash('sha256').update(text, 'utf8').digest();

/** Takes the place of the hash of a client that has none, so that the answer takes the same time. */
const NO_HASH = Buffer.alloc(32);

/** 256 random bits as base64url: enough that a plain hash cannot be searched. */
export const generateClientSecret = (random: Pick<Random, 'token'>): string => random.token(32);

/** What is stored and handed to oidc-provider as `client_secret`: SHA-256 as base64url. */
export const hashClientSecret = (secret: string): string => sha256(secret).toString('base64url');

/**
 * Whether `presented` is the secret behind the stored hash, in constant time (SEC-59).
 * To be installed as oidc-provider's `Client.prototype.compareClientSecret`:
 * `(presented) => isClientSecret(this.clientSecret, presented)`.
 */
export function isClientSecret(storedHash: string | null | undefined, presented: string): boolean {
  const stored = Buffer.from(storedHash ?? '', 'base64url');
  const isHash = stored.length === NO_HASH.length;
  return timingSafeEqual(isHash ? stored : NO_HASH, sha256(presented)) && isHash;
}
