/** Which passwords may be set (SP 800-63B §3.1.1.2): long and not guessable; of what characters is nobody's business. */
import {
  type ContextWord,
  findContextWord,
  type PasswordContext,
  userWords,
} from './context-words.ts';
import type { PasswordBlocklist } from './password-blocklist.ts';

export interface PasswordPolicy {
  /** Why this password cannot be set, said to the person who chose it; empty when it can. */
  check(password: string, context: PasswordContext): Promise<readonly string[]>;
}

interface PolicyOptions {
  /** Code points. */
  readonly minLength: number;
  readonly blocklist: PasswordBlocklist;
  readonly serviceWords: readonly ContextWord[];
}

/** Code points after NFKC: at most 1,024 bytes of UTF-8. */
const MAX_LENGTH = 256;

export function createPasswordPolicy(options: PolicyOptions): PasswordPolicy {
  const { minLength, blocklist, serviceWords } = options;
  return {
    async check(password, context) {
      const fault = findMalformation(password, minLength);
      if (fault !== undefined) return [fault];
      const normal = password.normalize('NFKC');
      const word = findContextWord(normal, [...userWords(context), ...serviceWords]);
      if (word) return [`The password contains ${word.what}: others would try that first.`];
      if (await blocklist.isCommon(normal, minLength)) {
        return [
          'The password is too easy to guess: a common one, a simple pattern or a repetition.',
        ];
      }
      return [];
    },
  };
}

function findMalformation(password: string, minLength: number): string | undefined {
  if (!password.isWellFormed()) return 'The password is not valid Unicode text.';
  // NFKC makes one character of a few, never of sixteen: what is cut off here was too long anyway.
  const length = [...password.slice(0, 16 * MAX_LENGTH).normalize('NFKC')].length;
  if (length < minLength) return `The password needs at least ${minLength} characters.`;
  if (length > MAX_LENGTH) return `The password can have at most ${MAX_LENGTH} characters.`;
  return undefined;
}
