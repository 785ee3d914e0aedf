import ipaddr from 'ipaddr.js';

/** 16-bit groups of the part that a site is given: everything behind it, its owner chooses (RFC 4291 §2.5.4). */
const SITE_GROUPS = 4;

/**
 * Whom an address stands for: an IPv4 address whole, of an IPv6 address the /64 (SEC-88), in one spelling.
 * An IPv4-mapped address is the IPv4 address. Text that is no address stands for itself.
 */
export function clientNetwork(ip: string): string {
  if (!ipaddr.isValid(ip)) return ip;
  const address = ipaddr.process(ip);
  if (!(address instanceof ipaddr.IPv6)) return address.toString();
  const groups = address.parts.slice(0, SITE_GROUPS).map((group) => group.toString(16));
  return `${groups.join(':')}::/64`;
}
