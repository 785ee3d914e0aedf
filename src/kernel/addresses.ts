/** What addresses and hosts stand for: this machine, a network that is not the internet, or anybody (RFC 6890, RFC 6761). */
import { domainToASCII, domainToUnicode } from 'node:url';
import ipaddr from 'ipaddr.js';

export type Address = ipaddr.IPv4 | ipaddr.IPv6;
export type AddressRange = readonly [Address, number];

/**
 * An address as sockets and resolvers write it; IPv4-mapped IPv6 is the IPv4 address. Undefined for every other text, the
 * octal, hex and shortened forms that C's inet_aton takes included.
 */
export function parseAddress(text: string): Address | undefined {
  const isAddress = ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text);
  return isAddress ? ipaddr.process(text) : undefined;
}

/** An address or a CIDR; undefined for every other text. */
export function parseRange(text: string): AddressRange | undefined {
  const [first = '', bits, ...more] = text.split('/');
  const address = parseAddress(first);
  const longest = address?.kind() === 'ipv4' ? 32 : 128;
  const length = Number(bits ?? longest);
  const isRange = more.length === 0 && /^\d{1,3}$/.test(bits ?? '0') && length <= longest;
  return address && isRange ? [address, length] : undefined;
}

export const isWithin = (address: Address, [range, bits]: AddressRange): boolean =>
  address.kind() === range.kind() && address.match(range, bits);

/** Of an address as a socket names it. */
export const isLoopbackAddress = (text: string | undefined): boolean =>
  parseAddress(text ?? '')?.range() === 'loopback';

/** The host of a URL (`[::1]`) or of an interface (`::1`): a loopback address or `localhost`. */
export const isLoopbackHost = (host: string): boolean =>
  host === 'localhost' || isLoopbackAddress(host.replace(/^\[(.*)\]$/, '$1'));

/** `127.1` is a name here: only the parser of URLs takes it for an address. */
const isPlainName = (name: string): boolean =>
  /^[\x21-\x7e]*$/.test(name) && !/(?:^|\.)xn--/i.test(name);

/** RFC 1035 §2.3.4, in octets. */
const isShort = (name: string): boolean =>
  name.length <= 253 && name.split('.').every((label) => label.length <= 63);

/**
 * A domain name as DNS and SMTP have it: in lower case, other letters as A-labels (RFC 5891; UTS #46, non-transitional: `ß` is
 * not `ss`). Undefined for one that cannot be written so: invalid labels, labels of more than 63 octets.
 */
export function asciiDomain(name: string): string | undefined {
  // Unicode 15.1 made the capital of `ß` what it looks like; the tables of Node may be older.
  const ascii = isPlainName(name) ? name.toLowerCase() : domainToASCII(name.replaceAll('ẞ', 'ß'));
  return ascii !== '' && isReadable(ascii) && isShort(ascii) ? ascii : undefined;
}

/** Whether each `xn--` stands for the one name that is written so: Node leaves labels that it cannot read as they are. */
function isReadable(ascii: string): boolean {
  if (isPlainName(ascii)) return true;
  const read = domainToUnicode(ascii);
  return !/(?:^|\.)xn--/.test(read) && domainToASCII(read) === ascii;
}

/** The same name as people read it, U-labels in lower case; one name has one such form. Undefined as `asciiDomain`. */
export function unicodeDomain(name: string): string | undefined {
  const ascii = asciiDomain(name);
  return ascii === undefined || isPlainName(ascii) ? ascii : domainToUnicode(ascii);
}

/**
 * What is wrong with the password in the URL of a server: an `@` behind the host was meant to end a password, in which a `/`,
 * `?` or `#` ended the host (RFC 3986 §3.2). Undefined when nothing is. Quotes nothing.
 */
export function checkUrlPassword(url: string): string | undefined {
  const [, userInfo = '', rest = ''] = /^[^:/?#]+:\/\/(?:([^/?#]*)@)?[^/?#]*(.*)$/s.exec(url) ?? [];
  if (rest.includes('@')) {
    return 'has a user name or password with a character that ends it: write / as %2F, ? as %3F, # as %23 and @ as %40';
  }
  return /%(?![\da-f]{2})/i.test(userInfo)
    ? 'has a % that is no percent-encoding; write % as %25'
    : undefined;
}

const ranges = (list: string): readonly AddressRange[] =>
  list
    .split(' ')
    .map(parseRange)
    .filter((range) => range !== undefined);

/**
 * The link itself, and where clouds answer with credentials: 169.254.169.254 and fd00:ec2::254 (AWS), fd20:ce::254 (Google),
 * 100.100.100.200 (Alibaba), 168.63.129.16 (Azure), 192.0.0.192 (Oracle).
 */
const NEVER = ranges(
  '169.254.0.0/16 fe80::/10 fd00:ec2::254 fd20:ce::254 100.100.100.200 168.63.129.16 192.0.0.192',
);

/** All that IANA gave out for hosts of the internet (RFC 4291 §2.4). */
const GLOBAL_UNICAST = ranges('2000::/3');

/** IPv6 ranges whose addresses hold an IPv4 address, and where (RFC 4291 §2.5.5, 6052, 8215, 3056, 4380). */
const EMBEDDING: readonly (readonly [AddressRange, (bytes: readonly number[]) => number[]])[] = [
  ...ranges('::/96 ::ffff:0:0:0/96 64:ff9b::/96 64:ff9b:1::/48').map(
    (range) => [range, (bytes: readonly number[]) => bytes.slice(12)] as const,
  ),
  ...ranges('2002::/16').map(
    (range) => [range, (bytes: readonly number[]) => bytes.slice(2, 6)] as const,
  ),
  ...ranges('2001::/32').map(
    (range) =>
      [range, (bytes: readonly number[]) => bytes.slice(12).map((one) => one ^ 255)] as const,
  ),
];

/** `::` and `::1` are written as `::/96` is, and hold nothing (RFC 4291 §2.5.2, 2.5.3). */
const holdsNothing = (address: Address): boolean =>
  ['unspecified', 'loopback'].includes(address.range());

/** The address, and the IPv4 address that it is a way to. */
const withEmbedded = (address: Address): readonly Address[] => [
  address,
  ...EMBEDDING.filter(([range]) => isWithin(address, range) && !holdsNothing(address)).map(
    ([, read]) => new ipaddr.IPv4(read(address.toByteArray())),
  ),
];

const isGlobal = (address: Address): boolean =>
  address.range() === 'unicast' &&
  (address.kind() === 'ipv4' || GLOBAL_UNICAST.some((range) => isWithin(address, range)));

/**
 * Where an address leads: into the internet (`public`); to this machine, an inner network, or nowhere that routes would take
 * one (`inner`); or to what nobody else may name, whatever a setting says (`never`). Embedded IPv4 addresses count too.
 * `allowed` are inner ranges that count as public.
 */
export function reachOf(
  address: Address,
  allowed: readonly AddressRange[] = [],
): 'public' | 'inner' | 'never' {
  const all = withEmbedded(address);
  const isIn = (one: Address, list: readonly AddressRange[]) =>
    list.some((range) => isWithin(one, range));
  if (all.some((one) => isIn(one, NEVER))) return 'never';
  return all.every((one) => isGlobal(one) || isIn(one, allowed)) ? 'public' : 'inner';
}
