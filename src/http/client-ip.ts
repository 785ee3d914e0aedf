import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { type Address, isWithin, parseAddress, parseRange } from '../kernel/addresses.ts';

interface Peer {
  readonly address: Address | undefined;
  readonly text: string;
  readonly isProxy: boolean;
}

/**
 * Makes the function that finds a request's client: the right-most hop of `X-Forwarded-For` that is not
 * one of our proxies, counted from the socket. A header from an untrusted peer, or one that cannot be parsed, changes nothing.
 */
export function createClientIp(trusted: readonly string[]): (req: IncomingMessage) => string {
  const ranges = trusted.map(parseRange).filter((range) => range !== undefined);
  const isTrusted = (address: Address): boolean => ranges.some((range) => isWithin(address, range));

  /** Of each connection, which carries many requests: the address it comes from. */
  const peers = new WeakMap<Socket, Peer>();
  const peerOf = (socket: Socket): Peer => {
    const known = peers.get(socket);
    if (known) return known;
    const address = parseAddress(socket.remoteAddress ?? '');
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
      const next = parseAddress(hop.trim());
      if (!next) break;
      client = next;
    }
    return client?.toString() ?? 'unknown';
  };
}
