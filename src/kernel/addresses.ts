/** What addresses and hosts stand for: this machine, a network that is not the internet, or anybody (RFC 6890, RFC 6761). */
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
