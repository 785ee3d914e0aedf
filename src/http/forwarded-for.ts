/** How proxies write an address in `X-Forwarded-For` and its like, each in its own way. */
import { type Address, parseAddress } from '../kernel/addresses.ts';

/** `[2001:db8::1]`, `[2001:db8::1]:443`, `203.0.113.20:4000`. An address of IPv6 without brackets has no port. */
const WITH_PORT = /^(?:\[([^[\]]*)\]|([\d.]+))(?::\d{1,5})?$/;
/** Of a link-local address: a name that means something on one machine only (RFC 4007 §11). */
const ZONE = /%[\w.~-]{1,64}$/;

/**
 * The address that a hop names: with or without port, brackets, quotation marks and zone. Undefined for every other text,
 * `unknown` and names of RFC 7239 §6.3 (`_hidden`) included.
 */
export function parseHop(text: string): Address | undefined {
  const hop = text.trim().replace(/^"(.*)"$/, '$1');
  const [, inBrackets, plain] = WITH_PORT.exec(hop) ?? [];
  if (inBrackets !== undefined && !inBrackets.includes(':')) return undefined;
  return parseAddress((inBrackets ?? plain ?? hop).replace(ZONE, ''));
}

/** The members of a list, the last one first; empty ones count for nothing (RFC 9110 §5.6.1.2). */
export const hopsFromLast = (list: string): readonly string[] =>
  list
    .split(',')
    .map((hop) => hop.trim())
    .filter(Boolean)
    .reverse();
