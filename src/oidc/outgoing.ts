/** Requests of oidc-provider to clients: back-channel logout, `jwks_uri`. */
import type { Configuration } from 'oidc-provider';

type Fetch = NonNullable<Configuration['fetch']>;

const LOOPBACK = /^(localhost|\[::1\]|127\.\d+\.\d+\.\d+)$/;

/**
 * oidc-provider's `fetch`. Its dispatcher refuses every address that is not public (SSRF). A server that runs
 * on http, and so on a loopback address itself, may reach clients on loopback: that is development.
 */
export const createFetch =
  (publicUrl: URL): Fetch =>
  (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const isLocal = publicUrl.protocol === 'http:' && LOOPBACK.test(url.hostname);
    const { dispatcher: _guard, ...unguarded } = init as RequestInit & { dispatcher?: unknown };
    return globalThis.fetch(input, isLocal ? unguarded : init);
  };
