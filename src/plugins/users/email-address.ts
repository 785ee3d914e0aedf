/** What counts as an e-mail address, and when two of them are the same. */
import { asciiDomain, unicodeDomain } from '../../kernel/addresses.ts';

export interface EmailAddress {
  /** As typed, trimmed; look-alike forms of ASCII characters (`＠`) are written as what they stand for. */
  readonly address: string;
  /** In lower case: what versions before 2.2 compare (`email_canonical`). Each account has one of its own. */
  readonly canonical: string;
  /** The same for every spelling of one address: unique among users, except those of before who share one. */
  readonly key: string;
}

/** Octets, RFC 5321 §4.5.3.1. */
const MAX_LENGTH = 254;
const MAX_LOCAL_LENGTH = 64;

/** RFC 5322 `dot-atom` with the letters of RFC 6531; quoted local parts are for nobody real. */
const LOCAL =
  /^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+(?:\.[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+)*$/u;
const DOMAIN =
  /^(?=.{1,253}$)[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}-]*[\p{L}\p{M}\p{N}])?(?:\.[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}-]*[\p{L}\p{M}\p{N}])?)*$/u;

const lower = (text: string): string => text.toLowerCase().normalize('NFKC');

/**
 * Unicode's full case folding with NFKC (Unicode 3.13, D145), letter by letter: capital sigma does not become a final one, `ß`
 * is `ss`. Except `ı`, whose capital is the `I` of other languages: folding keeps it apart.
 */
const fold = (text: string): string =>
  [...lower(text)]
    .map((letter) => (letter === 'ı' ? letter : letter.toUpperCase().toLowerCase()))
    .join('')
    .normalize('NFKC');

/**
 * An address to look for. Undefined unless it is exactly one: one `@` after NFKC, no list, no control, bidi or lone surrogate.
 * Normalises before it looks, so that `a@evil.example＠b.example` cannot pass as one (CVE-2026-73420).
 */
export function readEmailAddress(typed: string): EmailAddress | undefined {
  if (typed.length > 4 * MAX_LENGTH || !typed.isWellFormed()) return undefined;
  const [local, written, ...more] = typed.normalize('NFKC').trim().split('@');
  if (local === undefined || written === undefined || more.length > 0) return undefined;
  // UTS #46 has one more full stop, which Chinese and Japanese keyboards write.
  const domain = written.replaceAll('\u3002', '.');
  const address = `${local}@${domain}`;
  const octets = Buffer.byteLength(address);
  if (octets > MAX_LENGTH || Buffer.byteLength(local) > MAX_LOCAL_LENGTH) return undefined;
  if (!LOCAL.test(local) || !DOMAIN.test(domain)) return undefined;
  const canonical = lower(address);
  // Versions before took names that no DNS has: each of those is its own.
  const name = unicodeDomain(domain);
  return { address, canonical, key: name === undefined ? canonical : `${fold(local)}@${name}` };
}

/** An address for a new account, or for mail: as `readEmailAddress`, and undefined for a domain that no mail can name. */
export function parseEmailAddress(typed: string): EmailAddress | undefined {
  const found = readEmailAddress(typed);
  const [local = '', domain = ''] = found?.address.split('@') ?? [];
  const ascii = asciiDomain(domain);
  const isMailable = ascii !== undefined && Buffer.byteLength(`${local}@${ascii}`) <= MAX_LENGTH;
  return isMailable ? found : undefined;
}

/** The key of an account's address, or of whatever was typed instead of one. */
export const emailKey = (typed: string): string =>
  readEmailAddress(typed)?.key ?? lower(typed.normalize('NFKC').trim());

/** How an address may be written down where it is compared: by this version, or by those before 2.2. */
export function emailSpellings(email: string): readonly string[] {
  const { address, canonical, key } = readEmailAddress(email) ?? {
    ...{ address: email, canonical: email, key: emailKey(email) },
  };
  return [...new Set([email, address, canonical, key])];
}

/** What `email_key` holds: null where `email_canonical` says the same. The trigger of the table knows the same rule. */
export const storedKey = ({ canonical, key }: EmailAddress): string | null =>
  /[^ -~]|xn--/.test(canonical) ? key : null;

/** Texts that addresses may contain which somebody looks for by a part of one: as typed, with U-labels, folded. */
export function searchedParts(query: string): readonly string[] {
  const typed = lower(query.normalize('NFKC').trim().replaceAll('\u3002', '.'));
  const read = typed.replaceAll(/xn--[a-z\d-]+/g, (label) => unicodeDomain(label) ?? label);
  return [...new Set([typed, read, fold(read)])];
}
