import { isIP } from 'node:net';
import { broken, type Diagnosis } from '../../kernel/plugin.ts';
import { callbackUrl } from '../federation/contract.ts';

/** RFC 2606, RFC 6762, and what Google's console says: no address, and a public top-level domain. */
const PRIVATE = /^[^.]+$|\.(?:local|internal|lan|home|corp|test|invalid|example|localhost)$/;

/** `google_redirect_uri`: whether Google's console takes it at all. */
export const diagnoseRedirectUri = (publicUrl: URL): Diagnosis => ({
  name: 'google_redirect_uri',
  async check() {
    const { hostname, protocol } = publicUrl;
    const host = hostname.replace(/^\[|\]$/g, '');
    const isRefused = isIP(host) !== 0 || (host !== 'localhost' && PRIVATE.test(host));
    if (!isRefused || (protocol === 'http:' && host === '127.0.0.1')) return [];
    const uri = callbackUrl(publicUrl, 'google');
    const problem = `Google takes no redirect URI with the host ${hostname}: ${uri} cannot be registered.`;
    const fix =
      'Set PUBLIC_URL to a name with a public top-level domain, or to http://localhost for a try.';
    return [broken(problem, fix)];
  },
});
