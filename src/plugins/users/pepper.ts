/** Peppers: secrets outside the database that password hashes are keyed with (SP 800-63B §3.1.1.2). */
import { createHash } from 'node:crypto';

export interface Pepper {
  /** Stored in front of each hash: 32 bits of a digest, no help against a pepper that was drawn. */
  readonly id: string;
  readonly key: Buffer;
}

/** From the setting: the first one hashes, all of them verify. */
export function parsePeppers(setting: string | undefined): readonly Pepper[] {
  if (setting === undefined) return [];
  return setting.split(',').map((secret) => ({
    id: createHash('sha256').update(`pepper id ${secret}`).digest('hex').slice(0, 8),
    key: Buffer.from(secret),
  }));
}

/** `0a1b2c3d$argon2id$…` with a pepper, `$argon2id$…` without. */
export function splitStoredHash(stored: string): { pepperId: string; phc: string } {
  const at = stored.indexOf('$');
  return { pepperId: stored.slice(0, at), phc: stored.slice(at) };
}
