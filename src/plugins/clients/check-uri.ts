/** What every URI of a client must be: written in the one form that all parsers read alike. */

const MAX_LENGTH = 2_000;
/** RFC 3986 §2, well-formed percent-encoding included. */
const CHARACTERS = /^(?:[\w.~:/?#[\]@!$&'()*+,;=-]|%[\da-f]{2})+$/i;
/** What a second decoding, or a proxy's, turns into another path. */
const AMBIGUOUS_ENCODING = /%(?:2e|2f|5c|25|3b)/i;

/** Says what is wrong with the URI, in words that follow its name; undefined when nothing is. */
export type UriCheck = (uri: string) => string | undefined;

/** The first fault that any of the checks finds. */
export const firstFault = (uri: string, checks: readonly UriCheck[]): string | undefined => {
  for (const check of checks) {
    const fault = check(uri);
    if (fault !== undefined) return fault;
  }
  return undefined;
};

const pathOf = (uri: string): string =>
  uri.replace(/^[^:]+:(\/\/[^/?]*)?/, '').replace(/\?.*$/, '');

const checkCharacters: UriCheck = (uri) => {
  if (uri.length > MAX_LENGTH) return `must have at most ${MAX_LENGTH} characters`;
  if (!CHARACTERS.test(uri)) return 'must consist of the characters of RFC 3986';
  if (/%(?:[01][\da-f]|7f)/i.test(uri)) return 'must not encode control characters';
  return undefined;
};

const checkParts: UriCheck = (uri) => {
  if (uri.includes('#')) return 'must not have a fragment (RFC 6749 §3.1.2)';
  if (uri.includes('*')) return 'must not have a wildcard (RFC 9700 §2.1)';
  if (!URL.canParse(uri)) return 'must be an absolute URI';
  if (/^[^:]+:\/\/[^/?]*@/.test(uri)) return 'must not have user information before the host';
  return undefined;
};

const checkPath: UriCheck = (uri) => {
  const path = pathOf(uri);
  if (/(^|\/)\.{1,2}(\/|;|$)/.test(path)) return 'must not have "." or ".." in its path';
  if (AMBIGUOUS_ENCODING.test(path))
    return 'must not encode ".", "/", "\\", ";" or "%" in its path';
  if (path.includes(';')) return 'must not have ";" in its path';
  return undefined;
};

/** Parsers that disagree about an odd spelling send the code somewhere else. */
const checkSpelling: UriCheck = (uri) => {
  const { href, hostname, pathname } = new URL(uri);
  if (hostname.endsWith('.')) return 'must not have a host that ends with "."';
  const isNormal = href === uri || (pathname === '/' && href === `${uri}/`);
  return isNormal ? undefined : `must be written in its normal form, ${JSON.stringify(href)}`;
};

/** In this order: later ones trust what earlier ones found. */
export const URI_CHECKS: readonly UriCheck[] = [
  checkCharacters,
  checkParts,
  checkPath,
  checkSpelling,
];
