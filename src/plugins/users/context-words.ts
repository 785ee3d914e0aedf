/** Words that somebody who attacks this user would try first (SP 800-63B §3.1.1.2). */
import { splitAdditions } from './password-blocklist.ts';

/** Whom and what the password is for. */
export interface PasswordContext {
  readonly email?: string | undefined;
  readonly name?: string | null | undefined;
}

/** A word of the context as people know it, and how it is compared: letters and digits only. */
export interface ContextWord {
  readonly what: 'your e-mail address' | 'your name' | 'the name of this service';
  readonly squeezed: string;
}

/** Shorter ones are part of too many innocent words. */
const MIN_CONTAINED = 5;

export function serviceWords(publicUrl: URL): readonly ContextWord[] {
  const labels = publicUrl.hostname.split('.');
  const isAddress = /^[\d.]+$|:/.test(publicUrl.hostname);
  const hosts = isAddress ? [] : [publicUrl.hostname, labels.at(-2) ?? ''];
  return toWords('the name of this service', ['auth service', ...hosts]);
}

export function userWords({ email, name }: PasswordContext): readonly ContextWord[] {
  const local = email?.slice(0, email.lastIndexOf('@'));
  return [
    ...toWords('your e-mail address', [email ?? '', local ?? '']),
    ...toWords('your name', [name ?? '', ...(name ?? '').split(/\P{L}+/u)]),
  ];
}

/** The word that the password contains, or, for a short one, that it is but for what stands around it. */
export function findContextWord(
  password: string,
  words: readonly ContextWord[],
): ContextWord | undefined {
  const squeezed = squeeze(password);
  const core = squeeze(splitAdditions(password).core);
  return words.find(
    (word) =>
      core === word.squeezed ||
      ([...word.squeezed].length >= MIN_CONTAINED && squeezed.includes(word.squeezed)),
  );
}

function toWords(what: ContextWord['what'], words: readonly string[]): readonly ContextWord[] {
  return words
    .map((word) => ({ what, squeezed: squeeze(word) }))
    .filter(({ squeezed }) => squeezed !== '');
}

/** `J.O'Hara` and `johara` are one word. */
const squeeze = (text: string): string =>
  text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '');
