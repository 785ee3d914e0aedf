/** Rules for single settings: each answers what is wrong with a value, or undefined. */
import { isIP } from 'node:net';
import { estimateEntropy } from '../src/doctor/secret-key.ts';
import { checkUrlPassword, isLoopbackHost, parseRange } from '../src/kernel/addresses.ts';
import { parseDatabaseUrl } from '../src/storage/database-url.ts';
import { parseRedisUrl } from '../src/storage/redis-url.ts';

export const isUrlOf = (text: string, protocols: readonly string[]): boolean =>
  URL.canParse(text) && protocols.includes(new URL(text).protocol);

/** Characters: cookies and tokens carry it several times, and browsers drop cookies of more than 4,096 bytes. */
const LONGEST_PUBLIC_URL = 512;

/** An issuer identifier has neither query nor fragment (RFC 8414 §2); plain http leaks every token. */
export function checkPublicUrl(text: string): string | undefined {
  const url = new URL(text);
  if (text.length > LONGEST_PUBLIC_URL) {
    return `must have at most ${LONGEST_PUBLIC_URL} characters: tokens and cookies carry it`;
  }
  if (url.search || url.hash || /[?#]/.test(text)) return 'must have no query and no fragment';
  if (url.username || url.password) return 'must have no user name and no password';
  if (url.pathname.includes('//')) return 'must have no empty path segment';
  if (url.protocol === 'http:' && !isLoopbackHost(url.hostname)) {
    return 'must be https unless the host is localhost or a loopback address';
  }
  return undefined;
}

const EXAMPLE = /change.?me|example|secret.?key|password/i;
/** Bits: half of what a drawn key of that length has, so that none is refused by chance. */
const TRIVIAL = 60;

/** The keys of SECRET_KEY, the one in use first. */
export const splitKeys = (text: string): string[] => text.split(',').map((key) => key.trim());

export function checkSecretKeys(text: string): string | undefined {
  const keys = splitKeys(text);
  if (keys.some((key) => Buffer.byteLength(key) < 32)) {
    return `must have at least 32 bytes${keys.length > 1 ? ' in each key of the list' : ''} (make one: openssl rand -hex 32)`;
  }
  return keys.some((key) => EXAMPLE.test(key) || estimateEntropy(key) < TRIVIAL)
    ? 'is an example, not a secret'
    : undefined;
}

export function checkProxy(item: string): string | undefined {
  const [, address = '', bits] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(item) ?? [];
  const family = isIP(address);
  const longest = family === 4 ? 32 : 128;
  if (family !== 0 && !address.includes('%') && Number(bits ?? 0) <= longest) return undefined;
  return `"${item}" is neither an address nor a CIDR`;
}

/** A host name as URLs have it, and no address in disguise: `127.1`, `0x7f.1`. */
const isHostName = (item: string): boolean =>
  /^[a-z\d_-]+(?:\.[a-z\d_-]+)*$/.test(item) &&
  URL.canParse(`https://${item}`) &&
  new URL(`https://${item}`).hostname === item;

export function checkInnerHost(item: string): string | undefined {
  const isFine = parseRange(item) !== undefined || isHostName(item.toLowerCase());
  return isFine ? undefined : `"${item}" is neither a host, an address nor a CIDR`;
}

export function checkOrigin(item: string): string | undefined {
  if (isUrlOf(item, ['http:', 'https:']) && new URL(item).origin === item) return undefined;
  return `"${item}" is not an origin such as https://app.example.com`;
}

/** The shape of a DSN: the library writes one that it does not understand to the console, key and all. */
const DSN = /^https?:\/\/\w+(?::\w*)?@[^/?#@]+\/(?:[^?#@]+\/)?\d+$/;

export const checkSentryDsn = (text: string): string | undefined =>
  checkUrlPassword(text) ??
  (DSN.test(text) ? undefined : 'must be a DSN as Sentry shows it: https://key@host/project');

/** What a parser that throws a TypeError says of a text. */
const parsedBy =
  (parse: (text: string) => unknown) =>
  (text: string): string | undefined => {
    try {
      parse(text);
      return undefined;
    } catch (error) {
      return (error as TypeError).message;
    }
  };

export const checkDatabaseUrl = parsedBy(parseDatabaseUrl);
export const checkRedisUrl = parsedBy(parseRedisUrl);
