/** Where this server itself sends logout tokens (OIDC Back-Channel Logout 1.0 §2.2). */
import ipaddr from 'ipaddr.js';
import { isLoopback } from './check-redirect-uri.ts';
import { firstFault, URI_CHECKS } from './check-uri.ts';

/**
 * Says what is wrong with the URI, in words that follow its name; undefined when nothing is.
 * A server on https never calls an address of its own network (SSRF); names are judged again
 * by oidc-provider's guard when they have been resolved.
 */
export const checkBackchannelLogoutUri = (uri: string, publicUrl: URL): string | undefined =>
  firstFault(uri, [
    ...URI_CHECKS,
    (text) =>
      publicUrl.protocol === 'https:' ? checkPublic(new URL(text)) : checkLocal(new URL(text)),
  ]);

function checkPublic({ protocol, hostname }: URL): string | undefined {
  if (protocol !== 'https:') return 'must use https';
  if (isLocalName(hostname) || isInternalAddress(hostname)) {
    return 'must not name a private, loopback or link-local address';
  }
  return undefined;
}

function checkLocal({ protocol, hostname }: URL): string | undefined {
  const allowed = protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname));
  return allowed ? undefined : 'must use https (http only with 127.0.0.1, [::1] or localhost)';
}

const isLocalName = (hostname: string): boolean => /(^|\.)localhost$/.test(hostname);

function isInternalAddress(hostname: string): boolean {
  const literal = hostname.replace(/^\[|\]$/g, '');
  if (!ipaddr.isValid(literal)) return false;
  return ipaddr.parse(literal).range() !== 'unicast';
}
