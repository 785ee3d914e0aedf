import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import ipaddr from 'ipaddr.js';

type Range = [ipaddr.IPv4 | ipaddr.IPv6, number];

const parse = (text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined => {
  const trimmed = text.trim();
  // No proxy writes the octal, hex or shortened forms that C's inet_aton takes.
  const isAddress = ipaddr.IPv4.isValidFourPartDecimal(trimmed) || ipaddr.IPv6.isValid(trimmed);
  return isAddress ? ipaddr.process(trimmed) : undefined;
};

const within = (address: ipaddr.IPv4 | ipaddr.IPv6, [range, bits]: Range): boolean =>
  address.kind() === range.kind() && address.match(range, bits);

interface Peer {
  readonly address: ipaddr.IPv4 | ipaddr.IPv6 | undefined;
  readonly text: string;
  readonly isProxy: boolean;
}

/**
 * Makes the function that finds a request's client: the right-most hop of `X-Forwarded-For` that is not
 * one of our proxies, counted from the socket. A header from an untrusted peer, or one that cannot be parsed, changes nothing.
 */
export function createClientIp(trusted: readonly string[]): (req: IncomingMessage) => string {
  const ranges = trusted.map((text): Range => {
    if (text.includes('/')) return ipaddr.parseCIDR(text);
    const address = ipaddr.process(text);
    return [address, address.kind() === 'ipv4' ? 32 : 128];
  });
  const isTrusted = (address: ipaddr.IPv4 | ipaddr.IPv6): boolean =>
    ranges.some((range) => within(address, range));

  /** Of each connection, which carries many requests: the address it comes from. */
  const peers = new WeakMap<Socket, Peer>();
  const peerOf = (socket: Socket): Peer => {
    const known = peers.get(socket);
    if (known) return known;
    const address = parse(socket.remoteAddress ?? '');
    const text = address?.toString() ?? 'unknown';
    const peer = { address, text, isProxy: address !== undefined && isTrusted(address) };
    peers.set(socket, peer);
    return peer;
  };

  return (req) => {
    const peer = peerOf(req.socket);
    if (!peer.isProxy) return peer.text;
    let client = peer.address;
    const hops = String(req.headers['x-forwarded-for'] ?? '')
      .split(',')
      .reverse();
    for (const hop of hops) {
      if (!client || !isTrusted(client)) break;
      const next = parse(hop);
      if (!next) break;
      client = next;
    }
    return client?.toString() ?? 'unknown';
  };
}
