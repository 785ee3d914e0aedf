import type { Log } from '../../kernel/plugin.ts';
import type { StateStore } from '../../kernel/store.ts';
import type { KeyService } from './contract.ts';
import { type generateSigningKey, SIGNING_ALGS, type SigningAlg } from './generate-signing-key.ts';
import type { KeyCipher } from './key-cipher.ts';
import { createKeyRing } from './key-ring.ts';
import type { KeyModel, NewKey } from './model.ts';

/** Seconds. */
export interface RotationTimes {
  /** From one key to the next; 0: only when told to. */
  readonly period: number;
  /** That clients may keep JWKS. */
  readonly cached: number;
  /** That a key is published before it signs: longer than anybody keeps JWKS. */
  readonly publishAhead: number;
  /** That a key verifies after its last signature, at least. */
  readonly retention: number;
  /** Of access tokens: a key verifies as long as one that it signed may be valid. */
  readonly tokens: number;
}

interface Dependencies {
  readonly keys: KeyModel;
  readonly cipher: KeyCipher;
  readonly generate: typeof generateSigningKey;
  readonly store: Pick<StateStore, 'publish' | 'subscribe'>;
  readonly times: RotationTimes;
  readonly log: Log;
}

export interface RunningKeyService extends KeyService {
  /**
   * Makes the keys that are missing and decrypts all of them.
   * Throws an Error that blames SECRET_KEY when one cannot be decrypted.
   */
  start(): Promise<void>;
  /** Takes the steps of the rotation that are due, on whichever node comes first, and reads what others did. */
  tend(): Promise<void>;
  stop(): Promise<void>;
  /** Algorithms of the keys that this node holds; undefined before its start. */
  held(): readonly string[] | undefined;
}

const CHANNEL = 'keys';

export function createKeyService(dependencies: Dependencies): RunningKeyService {
  const { keys, cipher, generate, store, times, log } = dependencies;
  let unsubscribe: (() => Promise<void>) | undefined;
  const ring = createKeyRing(dependencies);

  /** Other nodes read at once; whoever misses it reads with its next turn. */
  const announce = async (event: string, kids: readonly string[]): Promise<void> => {
    for (const kid of kids) log.info({ event, kid }, 'signing keys changed');
    await store.publish(CHANNEL, event).catch((error: unknown) => {
      log.warn({ event: 'signing_key.publish_failed', err: error }, 'other nodes learn it later');
    });
  };

  const make = async (alg: SigningAlg): Promise<NewKey> => {
    const jwk = await generate(alg);
    return { kid: jwk.kid, alg, private_jwk: cipher.encrypt(JSON.stringify(jwk), jwk.kid) };
  };

  /** Whoever stores a key first has made it: the others drop theirs and read that one. */
  const makeMissing = async (): Promise<void> => {
    const current = (await keys.list()).filter(({ status }) => status === 'current');
    const known = new Set(current.map(({ alg }) => alg));
    const missing = SIGNING_ALGS.filter((alg) => !known.has(alg));
    await Promise.all(missing.map(async (alg) => keys.insertCurrent(await make(alg))));
  };

  const stage = async (algs: readonly SigningAlg[]): Promise<void> => {
    const made = await Promise.all(algs.map(make));
    const stored: string[] = [];
    for (const key of made) if (await keys.insertNext(key)) stored.push(key.kid);
    if (stored.length > 0) await announce('signing_key.published', stored);
  };

  const stageDue = async (): Promise<void> => {
    if (times.period === 0) return;
    const due = new Set(await keys.due(Math.max(0, times.period - times.publishAhead)));
    await stage(SIGNING_ALGS.filter((alg) => due.has(alg)));
  };

  return {
    async start() {
      await makeMissing();
      await ring.load();
      unsubscribe = await store.subscribe(CHANNEL, () => {
        ring.reload().catch((error: unknown) => {
          log.warn(
            { event: 'signing_key.read_failed', err: error },
            'read again with the next turn',
          );
        });
      });
    },

    async tend() {
      await stageDue();
      const promoted = await keys.promote(times.publishAhead - times.cached, times.cached);
      if (promoted.length > 0) await announce('signing_key.activated', promoted);
      const dropped = await keys.drop(times.retention, times.tokens);
      if (dropped.length > 0) await announce('signing_key.dropped', dropped);
      await ring.reload();
    },

    async stop() {
      await unsubscribe?.();
    },

    held: ring.algorithms,
    current: () => ring.current(),
    subscribe: (listener) => ring.subscribe(listener),

    async list() {
      const rows = await keys.list();
      return rows.map(({ kid, alg, status, created_at }) => ({
        kid,
        alg,
        status,
        createdAt: created_at,
      }));
    },

    async rotate() {
      await stage(SIGNING_ALGS);
    },

    async replaceCompromised() {
      const made = await Promise.all(SIGNING_ALGS.map(make));
      const withdrawn = await Promise.all(made.map(keys.replaceAll));
      await announce('signing_key.withdrawn', withdrawn.flat());
    },
  };
}
