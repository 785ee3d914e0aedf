import { lookup } from 'node:dns/promises';
import { isLoopbackAddress, parseAddress } from '../kernel/addresses.ts';
import { type AddressRule, hostOf } from './address-rule.ts';
import { OutgoingError } from './outgoing-error.ts';

/** All addresses of a host, as text. Throws when there is none. */
export type Resolve = (host: string) => Promise<readonly string[]>;

/** As everything else on this machine resolves names. */
export const resolveBySystem: Resolve = async (host) =>
  (await lookup(host, { all: true })).map(({ address }) => address);

/**
 * Who asks for a host while it is being asked for gets the same answer, and judges it: a name server that takes its time holds
 * one thread of the pool, and not one for each request (they are shared with signing, and with the names of our own stores).
 */
export function joining(resolve: Resolve): Resolve {
  const running = new Map<string, ReturnType<Resolve>>();
  return (host) => {
    const known = running.get(host);
    if (known) return known;
    const asked = resolve(host).finally(() => running.delete(host));
    running.set(host, asked);
    return asked;
  };
}

/** Hosts that count as named for one caller. */
type More = readonly string[];

/**
 * The addresses of a URL's host, every one judged: one that may not be called is enough to refuse the host. Throws
 * OutgoingError, or what the resolver throws.
 */
export async function checkAddresses(
  url: URL,
  { rule, resolve, more }: { rule: AddressRule; resolve: Resolve; more: More },
): Promise<readonly string[]> {
  const host = hostOf(url);
  if (!rule.mayUse(url)) throw new OutgoingError('scheme', host, 'must be called with https');
  const fault = rule.faultOfHost(host, more);
  if (fault !== undefined) throw new OutgoingError('address', host, fault);
  const addresses = parseAddress(host) ? [host] : await resolve(host);
  if (addresses.length === 0) throw new Error(`${host} has no address`);
  for (const text of addresses) checkAddress(text, url, rule, more);
  return addresses;
}

function checkAddress(text: string, url: URL, rule: AddressRule, more: More): void {
  const host = hostOf(url);
  const address = parseAddress(text);
  const fault = address ? rule.faultOfAddress(address, host, more) : 'leads to no address';
  if (fault !== undefined) throw new OutgoingError('address', host, fault);
  if (url.protocol === 'http:' && !isLoopbackAddress(text)) {
    throw new OutgoingError('scheme', host, 'must be called with https');
  }
}
