import type { Proof } from '../check-identity.ts';
import type { IdentityModel } from '../model.ts';
import type { TokenCipher } from '../token-cipher.ts';
import type { UpstreamTokens } from '../upstream.ts';

export interface SealDependencies {
  readonly identities: IdentityModel;
  readonly cipher: TokenCipher;
  /** FEDERATION_STORE_TOKENS. */
  readonly keepsTokens: boolean;
}

/** The tokens of a sign-in as they are stored; undefined when none are. */
export function createSealTokens({ identities, cipher, keepsTokens }: SealDependencies) {
  const refreshTokenOf = async (proof: Proof): Promise<string | undefined> => {
    const row = await identities.find(proof.issuer, proof.subject);
    if (!row?.tokens) return undefined;
    return (await cipher.open(row.tokens, row))?.refreshToken;
  };

  return async (proof: Proof, tokens: UpstreamTokens | undefined): Promise<string | undefined> => {
    if (!keepsTokens || !tokens) return undefined;
    // Google gives one at the first sign-in only, and the access token is worth nothing after an hour.
    const refreshToken = tokens.refreshToken ?? (await refreshTokenOf(proof));
    return cipher.seal({ ...tokens, refreshToken }, proof);
  };
}
