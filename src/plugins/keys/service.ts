import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/plugin.ts';
import type { KeyService } from './contract.ts';
import { type generateSigningKey, SIGNING_ALGS, type SigningJwk } from './generate-signing-key.ts';
import type { KeyCipher } from './key-cipher.ts';
import type { KeyModel, KeyRow } from './model.ts';

interface Dependencies {
  readonly keys: KeyModel;
  readonly cipher: KeyCipher;
  readonly generate: typeof generateSigningKey;
  readonly clock: Clock;
  readonly log: Log;
}

export interface StartableKeyService extends KeyService {
  /**
   * Makes the keys that are missing and decrypts all of them.
   * Throws an Error that blames SECRET_KEY when one cannot be decrypted.
   */
  start(): Promise<void>;
}

export function createKeyService(dependencies: Dependencies): StartableKeyService {
  const { keys, cipher, log } = dependencies;
  let cached: readonly SigningJwk[] | undefined;

  const decrypt = async ({ kid, private_jwk }: KeyRow): Promise<SigningJwk> => {
    const { plain, outdated } = cipher.decrypt(private_jwk, kid);
    if (outdated) {
      await keys.replaceSealed(kid, private_jwk, cipher.encrypt(plain, kid));
      log.info({ event: 'signing_key.reencrypted', kid }, 'signing key encrypted anew');
    }
    return JSON.parse(plain) as SigningJwk;
  };

  const load = async (): Promise<readonly SigningJwk[]> => {
    const rows = await keys.list();
    cached = Object.freeze(await Promise.all(rows.map(decrypt)));
    return cached;
  };

  return {
    async start() {
      await makeMissing(dependencies);
      await load();
    },
    current: async () => cached ?? load(),
    async list() {
      const rows = await keys.list();
      return rows.map(({ kid, alg, created_at }) => ({ kid, alg, createdAt: created_at }));
    },
  };
}

/** Whoever stores a key first has made it: the others drop theirs and read that one. */
async function makeMissing({ keys, cipher, generate, clock }: Dependencies): Promise<void> {
  const current = (await keys.list()).filter(({ status }) => status === 'current');
  const known = new Set(current.map(({ alg }) => alg));
  const missing = SIGNING_ALGS.filter((alg) => !known.has(alg));
  await Promise.all(
    missing.map(async (alg) => {
      const jwk = await generate(alg);
      const sealed = cipher.encrypt(JSON.stringify(jwk), jwk.kid);
      const created_at = new Date(clock.now());
      await keys.insertCurrent({ kid: jwk.kid, alg, private_jwk: sealed, created_at });
    }),
  );
}
