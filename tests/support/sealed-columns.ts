/** What is stored encrypted, as who has a SECRET_KEY and the database can read it. */
import type { Database } from '../../src/kernel/store.ts';
import { createTokenCipher } from '../../src/plugins/federation/token-cipher.ts';
import { createKeyCipher } from '../../src/plugins/keys/key-cipher.ts';
import { createSecrets } from '../../src/secrets.ts';
import { systemRandom } from '../../src/system.ts';

const KEYS = { name: 'test-sealed-keys', text: 'SELECT kid, private_jwk FROM signing_keys' };
const TOKENS = {
  name: 'test-sealed-tokens',
  text: 'SELECT issuer, subject, tokens FROM identities WHERE tokens IS NOT NULL',
};

interface SealedKey {
  readonly kid: string;
  readonly private_jwk: string;
}

interface SealedTokens {
  readonly issuer: string;
  readonly subject: string;
  readonly tokens: string;
}

/** How many signing keys and how many tokens of other providers this SECRET_KEY opens. */
export async function countSealed(
  db: Pick<Database, 'query'>,
  secretKey: string,
): Promise<{ keys: number; tokens: number }> {
  const secrets = createSecrets([secretKey]);
  const keyCipher = createKeyCipher(secrets.keys('signing-keys'), systemRandom);
  const tokenCipher = createTokenCipher(secrets.keys('upstream-tokens'));
  const keys = await db.query<SealedKey>(KEYS, []);
  const tokens = await db.query<SealedTokens>(TOKENS, []);
  const opened = await Promise.all(tokens.map((row) => tokenCipher.open(row.tokens, row)));
  return {
    keys: keys.filter(({ kid, private_jwk }) => opens(() => keyCipher.decrypt(private_jwk, kid)))
      .length,
    tokens: opened.filter(Boolean).length,
  };
}

function opens(open: () => unknown): boolean {
  try {
    open();
    return true;
  } catch {
    return false;
  }
}
