/** argon2id (RFC 9106), keyed with an optional pepper, a bounded number at once. */
import * as nodeArgon2 from '@node-rs/argon2';
import type { Random } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/plugin.ts';
import { noSpan, type Span } from '../../kernel/telemetry.ts';
import { type HashParameters, parametersOf } from './hash-parameters.ts';
import type { HashQueue } from './hash-queue.ts';
import { type Pepper, splitStoredHash } from './pepper.ts';

export interface PasswordHasher {
  /** What is stored. Throws `users:busy` (503). */
  hash(password: string): Promise<string>;
  /**
   * Computes the same hashes in any case, one for each of the parameters in use, in one order and one turn: those that the
   * stored one does not have, and all without a stored one, against hashes that nobody's password has (SEC-15).
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
  readonly parameters: Pick<HashParameters, 'inUse' | 'met'>;
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
    parameters,
    queue,
    random,
    log,
    span = noSpan,
    argon2 = nodeArgon2,
  } = options;
  const inTurn: HashQueue['run'] = (work) => span('hash password', {}, () => queue.run(work));
  const current = peppers[0];
  const today = phcParameters(options);

  const dummies = new Map<string, string>();
  /** One hash of these parameters that nobody's password has. */
  const dummyOf = (some: string): string => {
    const drawn = dummies.get(some) ?? dummyPhc(some, random);
    dummies.set(some, drawn);
    return drawn;
  };

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
      const { pepperId, phc } = splitStoredHash(stored ?? `${current?.id ?? ''}${dummyOf(today)}`);
      const secret = findPepper(pepperId)?.key;
      const text = normalise(password);
      const own = parametersOf(phc);
      parameters.met(own);
      const matches = await inTurn(async () => {
        let found = false;
        // A reading from before this hash was stored may have come while it waited: its own count in any case.
        const all = parameters.inUse();
        for (const some of all.includes(own) ? all : [...all, own]) {
          const against = some === own ? phc : dummyOf(some);
          const isRight = await argon2.verify(against, text, secret ? { secret } : undefined);
          if (some === own) found = isRight;
        }
        return found;
      });
      return { matches, outdated: matches && isOutdated(pepperId, phc) };
    },
  };
}

/** The same characters however they were composed: once when set, once when verified (SEC-4). */
const normalise = (password: string): string => password.normalize('NFKC');

/** Parameters of the hashes that are made now, as PHC strings name them. */
export const phcParameters = ({
  memoryKib,
  passes,
}: Pick<HasherOptions, 'memoryKib' | 'passes'>): string => `m=${memoryKib},t=${passes},p=1`;

/** A hash as costly as one with these parameters, whose password nobody knows: its output was drawn, not computed. */
function dummyPhc(parameters: string, random: Random): string {
  const base64 = (count: number): string =>
    random.bytes(count).toString('base64').replaceAll('=', '');
  return `$argon2id$v=19$${parameters}$${base64(SALT_BYTES)}$${base64(OUTPUT_BYTES)}`;
}
