import type { Log } from '../../../kernel/plugin.ts';
import { callUpstream } from '../call-upstream.ts';
import { checkIdentity, type Proof } from '../check-identity.ts';
import type { IdentityModel } from '../model.ts';
import type { TokenCipher } from '../token-cipher.ts';
import type { UpstreamAnswer, UpstreamProvider, UpstreamTokens } from '../upstream.ts';

export interface ProveDependencies {
  readonly identities: IdentityModel;
  readonly cipher: TokenCipher;
  /** FEDERATION_STORE_TOKENS. */
  readonly keepsTokens: boolean;
  readonly log: Log;
}

export type Prove = (
  provider: UpstreamProvider,
  ask: () => Promise<UpstreamAnswer>,
) => Promise<Proof>;

/** Who the person is, checked, with the tokens as they are stored, if they are. Throws as `callUpstream` does. */
export function createProve(dependencies: ProveDependencies): Prove {
  const { identities, cipher, keepsTokens, log } = dependencies;

  const refreshTokenOf = async (proof: Proof): Promise<string | undefined> => {
    const row = await identities.find(proof.issuer, proof.subject);
    if (!row?.tokens) return undefined;
    return (await cipher.open(row.tokens, row))?.refreshToken;
  };

  const seal = async (proof: Proof, tokens: UpstreamTokens): Promise<string> => {
    // Google gives one at the first sign-in only, and the access token is worth nothing after an hour.
    const refreshToken = tokens.refreshToken ?? (await refreshTokenOf(proof));
    return cipher.seal({ ...tokens, refreshToken }, proof);
  };

  return async (provider, ask) => {
    const { proof, tokens } = await callUpstream(provider, log, async () => {
      const { identity, authTime, ...answer } = await ask();
      const checked = checkIdentity(provider, identity);
      const proof = authTime === undefined ? checked : { ...checked, authTime };
      return { proof, tokens: answer.tokens };
    });
    // From here on it is not the provider that fails.
    return keepsTokens && tokens ? { ...proof, tokens: await seal(proof, tokens) } : proof;
  };
}
