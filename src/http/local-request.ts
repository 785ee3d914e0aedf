import type { IncomingMessage } from 'node:http';
import type { Context } from 'koa';
import { isLoopbackAddress, isLoopbackHost } from '../kernel/addresses.ts';
import { parseHop } from './forwarded-for.ts';

/** A host and perhaps a port, nothing else: no user information, no path, no list. */
const AUTHORITY = /^(\[[\da-f:.]+\]|[a-z\d._-]+)(?::\d{1,5})?$/i;

/** As URLs have it; undefined for what is no authority. */
const hostOf = (authority: string): string | undefined =>
  AUTHORITY.exec(authority)?.[1]?.toLowerCase().replace(/\.$/, '');

/** Of an absolute-form request target, which counts instead of `Host` (RFC 9112 §3.2.2). */
const authorityOfTarget = (target: string): string | undefined =>
  target.startsWith('/') ? undefined : (/^https?:\/\/([^/?#]*)/i.exec(target)?.[1] ?? '');

/** In which proxies name the one they pass a request on for: `X-Real-IP`, `CF-Connecting-IP`, `Fastly-Client-IP`, `X-Azure-ClientIP` … */
const NAMES_CLIENT =
  /^(?:x-forwarded-for|x-original-forwarded-for|forwarded-for|x-forwarded|forwarded|x-envoy-external-address|cf-pseudo-ipv4)$|(?:client|real|connecting|remote|user|proxyuser|socket|originating)-?ip(?:v[46])?$|remote-?addr$/;
/** Which say only that a proxy passed it on. */
const PASSED_ON =
  /^(?:via|cdn-loop|front-end-https|x-scheme|x-url-scheme|x-cloud-trace-context)$|^(?:x-forwarded-|x-original-|x-real-|x-envoy-|x-arr-|x-azure-|x-amzn-|x-amz-cf-|x-appengine-|cf-|cloudfront-|fastly-|fly-)/;

const isLoopbackHop = (hop: string): boolean => parseHop(hop)?.range() === 'loopback';

/** Every address that a proxy says the request comes from; RFC 7239's header counts as a whole, so nothing of it is loopback. */
const hopsOf = (req: IncomingMessage, name: string): readonly string[] => {
  const values = req.headersDistinct[name] ?? [];
  return name === 'x-forwarded-for' ? values.flatMap((one) => one.split(',')) : values;
};

/**
 * Made here, as far as any proxy tells: one that names nobody passed it on for somebody. So did one that speaks HTTP/1.0,
 * as nginx does unless it is told not to.
 */
function isFromHere(req: IncomingMessage): boolean {
  const names = Object.keys(req.headersDistinct);
  const hops = names.filter((name) => NAMES_CLIENT.test(name)).flatMap((name) => hopsOf(req, name));
  const isPassedOn = req.httpVersion === '1.0' || names.some((name) => PASSED_ON.test(name));
  return (
    isLoopbackAddress(req.socket.remoteAddress) &&
    hops.every(isLoopbackHop) &&
    (hops.length > 0 || !isPassedOn)
  );
}

const isLocalName = (authority: string): boolean => {
  const host = hostOf(authority);
  return host !== undefined && isLoopbackHost(host);
};

/**
 * Whether a request was made on this machine, for this machine: over a loopback connection, passed on for nobody else, and
 * under a name that is local. A page elsewhere whose own name was pointed at a loopback address (DNS rebinding) sends that
 * name. The host of an https PUBLIC_URL is not local either: we speak no TLS, so whoever asks for it came through a proxy.
 */
export function isLocal({ req, originalUrl }: Context): boolean {
  // Koa's own getters are pinned to PUBLIC_URL.
  const hosts = req.headersDistinct['host'] ?? [];
  const target = authorityOfTarget(originalUrl);
  return (
    isFromHere(req) &&
    hosts.length === 1 &&
    hosts.every(isLocalName) &&
    (target === undefined || isLocalName(target))
  );
}
