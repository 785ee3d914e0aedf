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
    const hops = (req.headersDistinct['x-forwarded-for'] ?? []).flatMap((one) => one.split(','));
    return (
      isLoopbackAddress(req.socket.remoteAddress) &&
      hops.every((hop) => isLoopbackAddress(hop.trim())) &&
      hosts.length === 1 &&
      hosts.every(isOurs) &&
      (target === undefined || isOurs(target))
    );
  };
}
