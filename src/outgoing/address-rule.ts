/** Which addresses may be called, by what the operator named in OUTGOING_PRIVATE. */
import {
  type Address,
  isLoopbackHost,
  parseAddress,
  parseRange,
  reachOf,
} from '../kernel/addresses.ts';

const LOOPBACK = ['127.0.0.0/8', '::1'];
/** RFC 6761 §6.3. */
const LOCAL_NAME = /(?:^|\.)localhost$/;

/** Of a URL, as it is resolved and compared: without brackets and without the dot of the root. */
export const hostOf = ({ hostname }: URL): string =>
  hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');

/** What a host says of its addresses without being resolved. */
function addressesInName(host: string): readonly Address[] {
  const texts = LOCAL_NAME.test(host) ? ['127.0.0.1', '::1'] : [host];
  return texts.map(parseAddress).filter((address) => address !== undefined);
}

export type AddressRule = ReturnType<typeof createAddressRule>;

/** `named`: hosts, addresses and CIDRs. With a PUBLIC_URL on http, loopback is among them: that is development. */
export function createAddressRule(named: readonly string[], publicUrl: URL) {
  const all = [...named, ...(publicUrl.protocol === 'http:' ? LOOPBACK : [])];
  const ranges = all.map(parseRange).filter((range) => range !== undefined);
  const hosts = new Set(all.map((item) => item.toLowerCase()));

  /** In words that follow the host. `more`: further hosts that count as named. */
  const faultOfAddress = (
    address: Address,
    host: string,
    more: readonly string[] = [],
  ): string | undefined => {
    const reach = reachOf(address, ranges);
    if (reach === 'never')
      return 'leads to a link-local or metadata address, which is never called';
    if (reach === 'public' || hosts.has(host) || more.includes(host)) return undefined;
    return 'leads to a private, loopback or reserved address that OUTGOING_PRIVATE does not name';
  };

  return {
    faultOfAddress,

    /** Of the host as it is written. */
    faultOfHost(host: string, more: readonly string[] = []): string | undefined {
      const faults = addressesInName(host).map((one) => faultOfAddress(one, host, more));
      return faults.every((fault) => fault !== undefined) ? faults[0] : undefined;
    },

    /** Plain http never leaves this machine. */
    mayUse: ({ protocol, hostname }: URL): boolean =>
      protocol === 'https:' || (protocol === 'http:' && isLoopbackHost(hostname)),
  };
}
