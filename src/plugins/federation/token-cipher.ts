import { hash } from 'node:crypto';
import { CompactEncrypt, compactDecrypt } from 'jose';
import type { UpstreamTokens } from './upstream.ts';

export interface TokenCipher {
  seal(tokens: UpstreamTokens, of: Identity): Promise<string>;
  /** Undefined when no key of SECRET_KEY opens it, or it is that of another identity. */
  open(sealed: string, of: Identity): Promise<UpstreamTokens | undefined>;
}

interface Identity {
  readonly issuer: string;
  readonly subject: string;
}

const keyId = ({ issuer, subject }: Identity): string =>
  hash('sha256', JSON.stringify([issuer, subject]), 'base64url');

/** JWE, `dir` and A256GCM: the first key encrypts, all decrypt. The identity is authenticated with it. */
export function createTokenCipher(keys: readonly [Buffer, ...Buffer[]]): TokenCipher {
  return {
    seal: (tokens, of) =>
      new CompactEncrypt(Buffer.from(JSON.stringify(tokens)))
        .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: keyId(of) })
        .encrypt(keys[0]),
    async open(sealed, of) {
      for (const key of keys) {
        const opened = await compactDecrypt(sealed, key).catch(() => undefined);
        if (opened?.protectedHeader.kid === keyId(of)) {
          return JSON.parse(Buffer.from(opened.plaintext).toString()) as UpstreamTokens;
        }
      }
      return undefined;
    },
  };
}
