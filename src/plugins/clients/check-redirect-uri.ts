/** Where a browser may be sent with a code (RFC 6749 §3.1.2, RFC 8252 §7, RFC 9700 §2.1). */
import { firstFault, URI_CHECKS, type UriCheck } from './check-uri.ts';

export type ApplicationType = 'web' | 'native';

const LOOPBACK = new Set(['127.0.0.1', '[::1]', 'localhost']);
/** A domain name in reverse order: nobody else can claim it (RFC 8252 §7.1). */
const PRIVATE_USE_SCHEME = /^[a-z][a-z0-9-]*(\.[a-z0-9][a-z0-9-]*)+:$/;

/** Parameters of our answers: a registered one would pass for ours, or hide it. */
const RESERVED = new Set(
  `code state iss error error_description error_uri response id_token access_token token_type
  expires_in scope session_state`.split(/\s+/),
);

/** The three that RFC 8252 §7.3 and §8.3 name; other loopback addresses are no redirect URI of anybody's. */
const isLoopback = (hostname: string): boolean => LOOPBACK.has(hostname);

/** Says what is wrong with the URI, in words that follow its name; undefined when nothing is. */
export const checkRedirectUri = (uri: string, type: ApplicationType): string | undefined =>
  firstFault(uri, [...URI_CHECKS, (text) => checkScheme(new URL(text), type), checkQuery]);

function checkScheme(url: URL, type: ApplicationType): string | undefined {
  const { protocol, hostname } = url;
  if (protocol === 'http:') {
    return isLoopback(hostname)
      ? undefined
      : 'must use https (http only with 127.0.0.1, [::1] or localhost)';
  }
  if (protocol === 'https:') {
    return type === 'native' && isLoopback(hostname)
      ? 'must use http with a loopback host, as native clients do (RFC 8252 §7.3)'
      : undefined;
  }
  if (type === 'web') return 'must use https; only native clients have schemes of their own';
  if (!PRIVATE_USE_SCHEME.test(protocol)) {
    return 'must use https, or a scheme that is a domain name in reverse order, like com.example.app';
  }
  const hasPath = url.pathname.startsWith('/') || url.host !== '';
  return hasPath ? undefined : 'must have "/" or "//" after its scheme (RFC 8252 §7.1)';
}

const checkQuery: UriCheck = (uri) => {
  const query = new URL(uri).search.slice(1);
  for (const [name] of query.split(/[&;]/).flatMap((part) => [...new URLSearchParams(part)])) {
    const base = (name.split('[')[0] ?? '').trim().toLowerCase();
    if (RESERVED.has(base)) {
      return `must not have the query parameter ${JSON.stringify(name)}: it is one of our answer`;
    }
  }
  return undefined;
};
