/** Anything that browsers and URL parsers read in different ways. */
const AMBIGUOUS = /[\\\s\p{Cc}\p{Cf}]/u;

/** Characters, before and after it was parsed. */
const MOST = 2000;

interface Allowed {
  /** Our own origin. */
  readonly origin: string;
  readonly others: readonly string[];
}

/**
 * The absolute URL that a sign-in may lead back to: a path of this origin, or a URL of an allowed one. Undefined for
 * everything else, such as `//evil.example`, `/\evil.example` and `https://us@evil.example` (SEC-52's mutants).
 */
export function parseReturnTo(text: string, { origin, others }: Allowed): string | undefined {
  if (text.length > MOST || AMBIGUOUS.test(text)) return undefined;
  const isPath = text.startsWith('/') && !text.startsWith('//');
  if (!isPath && !/^https?:\/\/[^/]/i.test(text)) return undefined;
  if (!URL.canParse(text, origin)) return undefined;
  const url = new URL(text, origin);
  // Kept until the person comes back: `€` has become nine bytes.
  if (url.username || url.password || url.href.length > MOST) return undefined;
  const isAllowed = isPath ? url.origin === origin : [origin, ...others].includes(url.origin);
  return isAllowed ? url.href : undefined;
}
