import { hash } from 'node:crypto';
import { CompactEncrypt, compactDecrypt } from 'jose';
import type { UpstreamTokens } from './upstream.ts';

export interface TokenCipher {
  seal(tokens: UpstreamTokens, of: Identity): Promise<string>;
  /** Undefined when no key of SECRET_KEY opens it, or it is that of another identity. */
  open(sealed: string, of: Identity): Promise<UpstreamTokens | undefined>;
  /** Sealed with the first key: the same text when it is already. Undefined as of `open`. */
  renew(sealed: string, of: Identity): Promise<string | undefined>;
  /** Whether there are former keys, with which something may still be sealed. */
  readonly hasFormerKeys: boolean;
}

interface Identity {
  readonly issuer: string;
  readonly subject: string;
}

const keyId = ({ issuer, subject }: Identity): string =>
  hash('sha256', JSON.stringify([issuer, subject]), 'base64url');

/** JWE, `dir` and A256GCM: the first key encrypts, all decrypt. The identity is authenticated with it. */
export function createTokenCipher(keys: readonly [Buffer, ...Buffer[]]): TokenCipher {
  const seal: TokenCipher['seal'] = (tokens, of) =>
    new CompactEncrypt(Buffer.from(JSON.stringify(tokens)))
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: keyId(of) })
      .encrypt(keys[0]);

  const find = async (sealed: string, of: Identity) => {
    for (const key of keys) {
      const opened = await compactDecrypt(sealed, key).catch(() => undefined);
      if (opened?.protectedHeader.kid !== keyId(of)) continue;
      const tokens = JSON.parse(Buffer.from(opened.plaintext).toString()) as UpstreamTokens;
      return { tokens, outdated: key !== keys[0] };
    }
    return undefined;
  };

  return {
    seal,
    open: async (sealed, of) => (await find(sealed, of))?.tokens,
    async renew(sealed, of) {
      const found = await find(sealed, of);
      return found?.outdated ? seal(found.tokens, of) : found && sealed;
    },
    hasFormerKeys: keys.length > 1,
  };
}
