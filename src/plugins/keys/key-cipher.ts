import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { Random } from '../../kernel/clock.ts';

const ALGORITHM = 'aes-256-gcm';
const NONCE = 12;
const TAG = 16;
const FORMAT = 'v1.';

/** Encrypts what is stored of a key; the name of the key is authenticated with it. */
export interface KeyCipher {
  encrypt(plain: string, kid: string): string;
  /** Throws an Error that blames SECRET_KEY when no key of the list opens it. */
  decrypt(sealed: string, kid: string): Opened;
}

export interface Opened {
  readonly plain: string;
  /** True when a former secret opened it: to be encrypted again before that one is dropped. */
  readonly outdated: boolean;
}

/**
 * AES-256-GCM with a random nonce and the `kid` as associated data, so that no row can stand in for another.
 * `secrets`: the first encrypts, all of them decrypt.
 */
export function createKeyCipher(
  secrets: readonly [Buffer, ...Buffer[]],
  random: Pick<Random, 'bytes'>,
): KeyCipher {
  return {
    encrypt(plain, kid) {
      const nonce = random.bytes(NONCE);
      const cipher = createCipheriv(ALGORITHM, secrets[0], nonce).setAAD(Buffer.from(kid));
      const text = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
      return FORMAT + Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64url');
    },
    decrypt(sealed, kid) {
      for (const [index, secret] of secrets.entries()) {
        const plain = open(sealed, secret, kid);
        if (plain !== undefined) return { plain, outdated: index > 0 };
      }
      throw new Error(
        `The signing key ${kid} cannot be decrypted: SECRET_KEY has changed since it was stored. ` +
          'Start with the former SECRET_KEY, or list both as SECRET_KEY=new,former.',
      );
    },
  };
}

/** Undefined when the secret is not the one it was encrypted with, or the text was changed. */
function open(sealed: string, secret: Buffer, kid: string): string | undefined {
  const bytes = Buffer.from(sealed.slice(FORMAT.length), 'base64url');
  if (!sealed.startsWith(FORMAT) || bytes.length < NONCE + TAG) return undefined;
  const decipher = createDecipheriv(ALGORITHM, secret, bytes.subarray(0, NONCE), {
    authTagLength: TAG,
  });
  decipher.setAAD(Buffer.from(kid)).setAuthTag(bytes.subarray(NONCE, NONCE + TAG));
  try {
    const text = decipher.update(bytes.subarray(NONCE + TAG));
    return Buffer.concat([text, decipher.final()]).toString('utf8');
  } catch {
    return undefined;
  }
}
