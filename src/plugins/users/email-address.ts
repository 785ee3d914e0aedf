/** What counts as an e-mail address, and when two of them are the same. */

export interface EmailAddress {
  /** As typed, trimmed; look-alike forms of ASCII characters (`＠`) are written as what they stand for. */
  readonly address: string;
  /** The same for every spelling of one address: unique among users. */
  readonly canonical: string;
}

/** Octets, RFC 5321 §4.5.3.1. */
const MAX_LENGTH = 254;
const MAX_LOCAL_LENGTH = 64;

/** RFC 5322 `dot-atom` with the letters of RFC 6531; quoted local parts are for nobody real. */
const LOCAL =
  /^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+(?:\.[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+)*$/u;
const DOMAIN =
  /^(?=.{1,253}$)[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}-]*[\p{L}\p{M}\p{N}])?(?:\.[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}-]*[\p{L}\p{M}\p{N}])?)*$/u;

/**
 * Undefined unless it is exactly one address: one `@` after NFKC, no list, no control, bidi or lone surrogate.
 * Normalises before it looks, so that `a@evil.example＠b.example` cannot pass as one (CVE-2026-73420).
 */
export function parseEmailAddress(typed: string): EmailAddress | undefined {
  if (typed.length > 4 * MAX_LENGTH || !typed.isWellFormed()) return undefined;
  const address = typed.normalize('NFKC').trim();
  const [local, domain, ...more] = address.split('@');
  if (local === undefined || domain === undefined || more.length > 0) return undefined;
  const octets = Buffer.byteLength(address);
  if (octets > MAX_LENGTH || Buffer.byteLength(local) > MAX_LOCAL_LENGTH) return undefined;
  if (!LOCAL.test(local) || !DOMAIN.test(domain)) return undefined;
  return { address, canonical: address.toLowerCase().normalize('NFKC') };
}
