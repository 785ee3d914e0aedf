/** Rules for what people say of themselves: shown in pages, put into tokens, sent to clients. */
import type { InputError } from '../../kernel/problem.ts';

export interface Profile {
  readonly name?: string | null | undefined;
  readonly locale?: string | null | undefined;
}

const MAX_NAME_LENGTH = 128;
const MAX_LOCALE_LENGTH = 35;

/** Controls, line breaks and marks that turn the direction of the text around them. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;
/** No script stacks so many; a heap of them runs over the lines above and below. */
const STACKED_MARKS = /\p{M}{10}/u;

/** The profile as it is stored: NFC, trimmed, canonical language tags; `''` is null. */
export function parseProfile(profile: Profile): {
  profile: Profile;
  errors: readonly InputError[];
} {
  const errors: InputError[] = [];
  const fault = (pointer: string, detail: string): undefined => {
    errors.push({ pointer, detail });
    return undefined;
  };
  const name = parseName(profile.name, (detail) => fault('#/name', detail));
  const locale = parseLocale(profile.locale, (detail) => fault('#/locale', detail));
  return { profile: { name, locale }, errors };
}

type Text = string | null | undefined;
type Fault = (detail: string) => undefined;

function parseName(typed: Text, fault: Fault): Text {
  if (typed === undefined || typed === null) return typed;
  if (!typed.isWellFormed() || UNPRINTABLE.test(typed) || STACKED_MARKS.test(typed)) {
    return fault('A name cannot have control characters or heaps of accents.');
  }
  const name = typed.normalize('NFC').trim();
  if ([...name].length > MAX_NAME_LENGTH) {
    return fault(`A name has at most ${MAX_NAME_LENGTH} characters.`);
  }
  return name === '' ? null : name;
}

function parseLocale(typed: Text, fault: Fault): Text {
  if (typed === undefined || typed === null || typed === '') return typed === '' ? null : typed;
  try {
    if (typed.length <= MAX_LOCALE_LENGTH) return Intl.getCanonicalLocales(typed)[0] ?? null;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return fault('Not a language tag (BCP 47), e.g. "en" or "pt-BR".');
}
