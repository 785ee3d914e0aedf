/** This node's copy of the signing keys, decrypted. */
import type { SigningKeys } from '../../kernel/oidc.ts';
import type { Log } from '../../kernel/plugin.ts';
import type { SigningJwk } from './generate-signing-key.ts';
import type { KeyCipher } from './key-cipher.ts';
import type { KeyModel, KeyRow } from './model.ts';

interface Dependencies {
  readonly keys: Pick<KeyModel, 'list' | 'replaceSealed'>;
  readonly cipher: KeyCipher;
  readonly log: Log;
}

export interface KeyRing extends SigningKeys {
  /**
   * True when the keys, or their stages, are others than before. Throws when one cannot be decrypted, or when there
   * were keys and are none any more; those read before stay in use.
   */
  load(): Promise<boolean>;
  /** Loads, and tells the subscribers of a change. */
  reload(): Promise<void>;
  /** Algorithms of the keys in use; undefined when none have been read yet. */
  algorithms(): readonly string[] | undefined;
}

export function createKeyRing({ keys, cipher, log }: Dependencies): KeyRing {
  const listeners: (() => void)[] = [];
  let cached: readonly SigningJwk[] | undefined;
  /** What `cached` was made of. */
  let read = '';

  const decrypt = async ({ kid, private_jwk }: KeyRow): Promise<SigningJwk> => {
    const { plain, outdated } = cipher.decrypt(private_jwk, kid);
    if (outdated) {
      await keys.replaceSealed(kid, private_jwk, cipher.encrypt(plain, kid));
      log.info({ event: 'signing_key.reencrypted', kid }, 'signing key encrypted anew');
    }
    return JSON.parse(plain) as SigningJwk;
  };

  const load = async (): Promise<boolean> => {
    const rows = await keys.list();
    // Without keys nothing could be signed or verified.
    if (cached && rows.length === 0) throw new Error('no signing key is stored any more');
    const seen = rows.map(({ kid, status }) => `${kid} ${status}`).join();
    if (cached && seen === read) return false;
    cached = Object.freeze(await Promise.all(rows.map(decrypt)));
    read = seen;
    return true;
  };

  let reloading: Promise<unknown> = Promise.resolve();
  /** One after the other: each change is told once. */
  const reload = (): Promise<void> => {
    const next = reloading.then(async () => {
      if (await load()) for (const listener of listeners) listener();
    });
    reloading = next.catch(() => undefined);
    return next;
  };

  return {
    load,
    reload,
    algorithms: () => cached?.map(({ alg }) => alg),
    async current() {
      if (!cached) await load();
      return cached ?? [];
    },
    subscribe(listener) {
      listeners.push(listener);
    },
  };
}
