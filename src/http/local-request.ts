import type { IncomingMessage } from 'node:http';
import type { Context } from 'koa';
import {
  isLoopbackAddress,
  isLoopbackHost,
  isWithin,
  parseAddress,
  parseRange,
} from '../kernel/addresses.ts';
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

/** HTTP/1.0 is what nginx speaks unless it is told not to, and what no browser and no scraper does. */
const isSilent = (req: IncomingMessage, names: readonly string[]): boolean =>
  req.httpVersion !== '1.0' &&
  !names.some((name) => NAMES_CLIENT.test(name) || PASSED_ON.test(name));

/**
 * Made here, as far as any proxy tells: one that says anything passed it on for somebody. That this was us is believed only
 * of the `X-Forwarded-For` of a proxy of TRUST_PROXY; others pass on what their clients say of themselves.
 */
function isFromHere(req: IncomingMessage, isTrusted: (address: string | undefined) => boolean) {
  const { remoteAddress } = req.socket;
  if (!isLoopbackAddress(remoteAddress)) return false;
  const names = Object.keys(req.headersDistinct);
  if (isSilent(req, names)) return true;
  const hops = names.filter((name) => NAMES_CLIENT.test(name)).flatMap((name) => hopsOf(req, name));
  return isTrusted(remoteAddress) && names.includes('x-forwarded-for') && hops.every(isLoopbackHop);
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
export function createIsLocal(trusted: readonly string[]): (ctx: Context) => boolean {
  const ranges = trusted.map(parseRange).filter((range) => range !== undefined);
  const isTrusted = (text: string | undefined): boolean => {
    const address = parseAddress(text ?? '');
    return address !== undefined && ranges.some((range) => isWithin(address, range));
  };
  return ({ req, originalUrl }) => {
    // Koa's own getters are pinned to PUBLIC_URL.
    const hosts = req.headersDistinct['host'] ?? [];
    const target = authorityOfTarget(originalUrl);
    return (
      isFromHere(req, isTrusted) &&
      hosts.length === 1 &&
      hosts.every(isLocalName) &&
      (target === undefined || isLocalName(target))
    );
  };
}
