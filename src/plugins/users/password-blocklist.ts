/** Tells whether a password is one that everybody guesses first (SP 800-63B §3.1.1.2, ASVS 6.2.4). */
import { isMirrored, isWalk, repeatedUnitLength } from './password-patterns.ts';

export interface PasswordBlocklist {
  /** `password` is NFKC. Also true for a listed word in other case, or with short or simple additions. */
  isCommon(password: string, shortest: number): Promise<boolean>;
}

/** More than this beside a word counts as something of its own. */
const MAX_ADDITION = 6;
const MIN_DISTINCT = 5;

/** `loadWords` is called at the first question, and once unless it fails: most processes never set a password. */
export function createPasswordBlocklist(
  loadWords: () => Promise<Iterable<string>>,
): PasswordBlocklist {
  let loading: Promise<ReadonlySet<string>> | undefined;
  const load = async (): Promise<ReadonlySet<string>> => {
    try {
      return new Set(await loadWords());
    } catch (error) {
      loading = undefined;
      throw error;
    }
  };

  return {
    async isCommon(password, shortest) {
      loading ??= load();
      const words = await loading;
      return isCommon(password.toLowerCase(), words, shortest);
    },
  };
}

function isCommon(folded: string, words: ReadonlySet<string>, shortest: number): boolean {
  const isSimple = (text: string): boolean =>
    words.has(text) ||
    new Set(text).size < MIN_DISTINCT ||
    isWalk(text) ||
    repeatsLessThan(shortest, text);
  if (isSimple(folded) || isSimple(folded.replace(/[\s._-]/g, ''))) return true;
  const { before, core, after } = splitAdditions(folded);
  if (core === '') return false;
  return (
    isSimple(core) &&
    [before, after].every((added) => added.length <= MAX_ADDITION || isSimple(added))
  );
}

/** Nothing but repetitions or a mirror image of something too short to be a password itself. */
function repeatsLessThan(shortest: number, text: string): boolean {
  const length = [...text].length;
  if (repeatedUnitLength(text) < Math.min(shortest, length)) return true;
  return isMirrored(text) && length / 2 < shortest;
}

/** What stands before the first and after the last letter: `!!sunshine2024` is `!!`, `sunshine`, `2024`. */
export function splitAdditions(text: string): { before: string; core: string; after: string } {
  const before = /^\P{L}*/u.exec(text)?.[0] ?? '';
  const rest = text.slice(before.length);
  const core = rest.replace(/\P{L}+$/u, '');
  return { before, core, after: rest.slice(core.length) };
}
