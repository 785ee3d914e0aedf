import type { IncomingMessage } from 'node:http';
import type { Context } from 'koa';
import { isLoopbackAddress, isLoopbackHost } from '../kernel/addresses.ts';

/** A host and perhaps a port, nothing else: no user information, no path, no list. */
const AUTHORITY = /^(\[[\da-f:.]+\]|[a-z\d._-]+)(?::\d{1,5})?$/i;

/** As URLs have it; undefined for what is no authority. */
const hostOf = (authority: string): string | undefined =>
  AUTHORITY.exec(authority)?.[1]?.toLowerCase().replace(/\.$/, '');

/** Of an absolute-form request target, which counts instead of `Host` (RFC 9112 §3.2.2). */
const authorityOfTarget = (target: string): string | undefined =>
  target.startsWith('/') ? undefined : (/^https?:\/\/([^/?#]*)/i.exec(target)?.[1] ?? '');

/** In which proxies name the one they pass a request on for, besides `X-Forwarded-For`: one address each. */
const CLIENT_HEADERS = ['x-real-ip', 'x-client-ip', 'true-client-ip', 'cf-connecting-ip'] as const;
/** Which say only that a proxy passed it on. */
const PASSED_ON = ['x-forwarded-host', 'x-forwarded-proto', 'x-forwarded-port', 'via'] as const;

const valuesOf = (req: IncomingMessage, name: string): readonly string[] =>
  req.headersDistinct[name] ?? [];

/** Every address that a proxy says the request comes from; RFC 7239's header counts as a whole, so nothing of it is loopback. */
const hopsOf = (req: IncomingMessage): readonly string[] => [
  ...valuesOf(req, 'x-forwarded-for').flatMap((one) => one.split(',')),
  ...CLIENT_HEADERS.flatMap((name) => valuesOf(req, name)),
  ...valuesOf(req, 'forwarded'),
];

/** Made here, as far as any proxy tells: one that names nobody passed it on for somebody. */
function isFromHere(req: IncomingMessage): boolean {
  const hops = hopsOf(req);
  const isPassedOn = PASSED_ON.some((name) => valuesOf(req, name).length > 0);
  return (
    isLoopbackAddress(req.socket.remoteAddress) &&
    hops.every((hop) => isLoopbackAddress(hop.trim())) &&
    (hops.length > 0 || !isPassedOn)
  );
}

/**
 * Whether a request was made on this machine, for this machine: over a loopback connection, passed on for nobody else, and
 * under a name that is ours. A page elsewhere whose own name was pointed at a loopback address (DNS rebinding) sends that name.
 */
export function createIsLocal(publicUrl: URL): (ctx: Context) => boolean {
  const isOurs = (authority: string): boolean => {
    const host = hostOf(authority);
    return host !== undefined && (host === hostOf(publicUrl.host) || isLoopbackHost(host));
  };
  return ({ req, originalUrl }) => {
    // Koa's own getters are pinned to PUBLIC_URL.
    const hosts = req.headersDistinct['host'] ?? [];
    const target = authorityOfTarget(originalUrl);
    return (
      isFromHere(req) &&
      hosts.length === 1 &&
      hosts.every(isOurs) &&
      (target === undefined || isOurs(target))
    );
  };
}
