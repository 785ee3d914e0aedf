/** argon2id (RFC 9106), keyed with an optional pepper, a bounded number at once. */
import * as nodeArgon2 from '@node-rs/argon2';
import type { Random } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/plugin.ts';
import { noSpan, type Span } from '../../kernel/telemetry.ts';
import type { HashQueue } from './hash-queue.ts';
import { type Pepper, splitStoredHash } from './pepper.ts';

export interface PasswordHasher {
  /** What is stored. Throws `users:busy` (503). */
  hash(password: string): Promise<string>;
  /**
   * Computes one hash in any case: without a stored one, against one that nobody's password has (SEC-15).
   * `outdated`: it matches, but was made with lower parameters or another pepper. Throws `users:busy` (503).
   */
  verify(
    stored: string | null | undefined,
    password: string,
  ): Promise<{ matches: boolean; outdated: boolean }>;
}

export interface HasherOptions {
  readonly memoryKib: number;
  readonly passes: number;
  readonly peppers: readonly Pepper[];
  readonly queue: Pick<HashQueue, 'run'>;
  readonly random: Random;
  readonly log: Log;
  readonly span?: Span;
  readonly argon2?: Pick<typeof nodeArgon2, 'hash' | 'verify' | 'parseOptions'>;
}

const SALT_BYTES = 16;
const OUTPUT_BYTES = 32;
/** `Algorithm.Argon2id`: a const enum, which type stripping cannot read. */
const ARGON2ID = 2;

export function createPasswordHasher(options: HasherOptions): PasswordHasher {
  const {
    memoryKib,
    passes,
    peppers,
    queue,
    random,
    log,
    span = noSpan,
    argon2 = nodeArgon2,
  } = options;
  const inTurn: HashQueue['run'] = (work) => span('hash password', {}, () => queue.run(work));
  const current = peppers[0];
  const dummy = current ? `${current.id}${dummyPhc(options)}` : dummyPhc(options);

  const findPepper = (id: string): Pepper | undefined => {
    const found = peppers.find((pepper) => pepper.id === id);
    if (id !== '' && !found) {
      log.error(
        { event: 'pepper.missing', pepper_id: id },
        'PASSWORD_PEPPER lacks the pepper of a hash',
      );
    }
    return found;
  };
  const isOutdated = (pepperId: string, phc: string): boolean => {
    const used = argon2.parseOptions(phc);
    return (
      pepperId !== (current?.id ?? '') || used.memoryCost < memoryKib || used.timeCost < passes
    );
  };

  return {
    async hash(password) {
      const phc = await inTurn(() =>
        argon2.hash(normalise(password), {
          algorithm: ARGON2ID,
          memoryCost: memoryKib,
          timeCost: passes,
          parallelism: 1,
          outputLen: OUTPUT_BYTES,
          salt: random.bytes(SALT_BYTES),
          ...(current && { secret: current.key }),
        }),
      );
      return `${current?.id ?? ''}${phc}`;
    },

    async verify(stored, password) {
      const { pepperId, phc } = splitStoredHash(stored ?? dummy);
      const secret = findPepper(pepperId)?.key;
      const matches = await inTurn(() =>
        argon2.verify(phc, normalise(password), secret ? { secret } : undefined),
      );
      return { matches, outdated: matches && isOutdated(pepperId, phc) };
    },
  };
}

/** The same characters however they were composed: once when set, once when verified (SEC-4). */
const normalise = (password: string): string => password.normalize('NFKC');

/** A hash as costly as a current one, whose password nobody knows: its output was drawn, not computed. */
function dummyPhc({ memoryKib, passes, random }: HasherOptions): string {
  const base64 = (count: number): string =>
    random.bytes(count).toString('base64').replaceAll('=', '');
  return `$argon2id$v=19$m=${memoryKib},t=${passes},p=1$${base64(SALT_BYTES)}$${base64(OUTPUT_BYTES)}`;
}
