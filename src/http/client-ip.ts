import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { type Address, isWithin, parseAddress, parseRange } from '../kernel/addresses.ts';
import type { Log } from '../kernel/plugin.ts';
import { hopsFromLast, parseHop } from './forwarded-for.ts';

interface Peer {
  readonly address: Address | undefined;
  readonly text: string;
  readonly isProxy: boolean;
}

/** A proxy of ours sent a hop that is no address. */
export type OnUnclear = (proxy: string, hop: string) => void;

/**
 * Makes the function that finds a request's client: the right-most hop of `X-Forwarded-For` that is not
 * one of our proxies, counted from the socket. A header from an untrusted peer, or one that cannot be parsed, changes nothing;
 * no other header is read.
 */
export function createClientIp(
  trusted: readonly string[],
  onUnclear: OnUnclear = () => undefined,
): (req: IncomingMessage) => string {
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
    for (const hop of hopsFromLast(String(req.headers['x-forwarded-for'] ?? ''))) {
      if (!client || !isTrusted(client)) break;
      const next = parseHop(hop);
      if (!next) {
        onUnclear(client.toString(), hop);
        break;
      }
      client = next;
    }
    return client?.toString() ?? 'unknown';
  };
}

/** Characters of a hop that are logged, and lines of one process: clients choose some of what proxies pass on. */
const LONGEST = 64;
const MOST_LINES = 20;

/** Logs each proxy's first hop that is no address. */
export function logUnclear(log: Pick<Log, 'warn'>): OnUnclear {
  const told = new Set<string>();
  return (proxy, hop) => {
    if (told.has(proxy) || told.size >= MOST_LINES) return;
    told.add(proxy);
    log.warn(
      { event: 'proxy.not_understood', proxy, hop: hop.slice(0, LONGEST) },
      'a proxy sends an X-Forwarded-For that is no address: its clients share its own',
    );
  };
}
