import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { Random } from '../../kernel/clock.ts';
import { problems } from './problems.ts';

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

interface Dependencies {
  readonly keys: readonly [Buffer, ...Buffer[]];
  readonly random: Random;
}

export type Cursors = ReturnType<typeof createCursors>;

/**
 * Where a page of the list ended: an address, sealed with a key of its own and bound to the search, so that nobody reads
 * it in a URL, makes one up, or takes it elsewhere (SEC-81).
 */
export function createCursors({ keys, random }: Dependencies) {
  const open = (key: Buffer, query: string, sealed: Buffer): string | undefined => {
    const nonce = sealed.subarray(0, NONCE_BYTES);
    const tag = sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES);
    try {
      const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
      decipher.setAuthTag(tag).setAAD(Buffer.from(query));
      const text = decipher.update(sealed.subarray(NONCE_BYTES + TAG_BYTES));
      return Buffer.concat([text, decipher.final()]).toString('utf8');
    } catch {
      return undefined; // Every way a cursor can be wrong has one answer.
    }
  };

  return {
    encode(query: string, email: string): string {
      const nonce = random.bytes(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, keys[0], nonce, { authTagLength: TAG_BYTES });
      cipher.setAAD(Buffer.from(query));
      const text = Buffer.concat([cipher.update(email, 'utf8'), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64url');
    },

    /** Throws `user-admin:invalid-cursor`. */
    decode(query: string, cursor: string): string {
      const sealed = Buffer.from(cursor, 'base64url');
      // One spelling only: base64url takes others for the same bytes.
      if (sealed.toString('base64url') === cursor) {
        for (const key of keys) {
          const email = open(key, query, sealed);
          if (email !== undefined) return email;
        }
      }
      throw problems.invalidCursor();
    },
  };
}
