import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';

/**
 * Signs and verifies cookies as Koa's default, Keygrip, does and with the same result: HMAC-SHA-1, as base64url. It imports
 * each key once, where Keygrip imports it for every signature and compares by two more.
 */
export interface CookieSignatures {
  sign(data: string): string;
  verify(data: string, signature: string): boolean;
  /** Which of the keys made the signature; -1 for none. */
  index(data: string, signature: string): number;
}

const hmac = (data: string, key: KeyObject): Buffer =>
  createHmac('sha1', key).update(data).digest();

function isSame(expected: Buffer, signature: string): boolean {
  const given = Buffer.from(signature, 'base64url');
  // As text it must be this one too: other spellings of the same bytes are not ours.
  const isOurs = given.length === expected.length && given.toString('base64url') === signature;
  return isOurs && timingSafeEqual(given, expected);
}

/** The first key signs, all verify. */
export function createCookieSignatures(secrets: readonly string[]): CookieSignatures {
  const keys = secrets.map((secret) => createSecretKey(secret, 'utf8'));
  const [newest] = keys;
  if (!newest) throw new Error('cookies need a key');
  const index = (data: string, signature: string): number =>
    keys.findIndex((key) => isSame(hmac(data, key), signature));
  return {
    sign: (data) => hmac(data, newest).toString('base64url'),
    verify: (data, signature) => index(data, signature) !== -1,
    index,
  };
}
