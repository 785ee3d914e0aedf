/** The certificate that PUBLIC_URL shows. */
import { isIP } from 'node:net';
import { connect } from 'node:tls';
import { broken, type Finding, warning } from '../kernel/plugin.ts';

/** Milliseconds. */
const TIMEOUT = 5_000;
const DAY = 86_400_000;
/** Days: most authorities renew a month ahead, so by then the renewal has failed. */
const SOON = 14;

export interface Certificate {
  /** Why this machine does not accept it: a code of OpenSSL, or Node's for a wrong name. */
  readonly rejected: string | undefined;
  /** Milliseconds since 1970. */
  readonly validTo: number;
}

export type ReadCertificate = (url: URL) => Promise<Certificate>;

/** Shakes hands, sends nothing. Rejects when there is no TLS to be had. */
export const readCertificate: ReadCertificate = (url) =>
  new Promise((resolve, reject) => {
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const socket = connect({
      host,
      port: Number(url.port || 443),
      ...(isIP(host) === 0 ? { servername: host } : {}),
      rejectUnauthorized: false,
      timeout: TIMEOUT,
    });
    socket.on('timeout', () => socket.destroy(new Error('timeout')));
    socket.on('error', reject);
    socket.on('secureConnect', () => {
      const { authorizationError, authorized } = socket;
      const validTo = Date.parse(socket.getPeerCertificate().valid_to);
      resolve({ rejected: authorized ? undefined : codeOf(authorizationError), validTo });
      socket.destroy();
    });
  });

/** Typed as an Error; OpenSSL's codes come as they are. */
const codeOf = (error: unknown): string =>
  typeof error === 'string' ? error : String((error as { code?: string }).code ?? error);

const FIXES: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'Renew it, and let the proxy load the new one.',
  CERT_NOT_YET_VALID: 'Set the clocks of this machine and of the one that made it.',
  ERR_TLS_CERT_ALTNAME_INVALID: 'Get one for the host of PUBLIC_URL, or correct PUBLIC_URL.',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'Give the proxy the whole chain: the certificate and the intermediate ones behind it.',
};
const PRIVATE =
  'Use one of a public authority; for a private one set NODE_EXTRA_CA_CERTS here and at every client.';

export function judgeCertificate({ rejected, validTo }: Certificate, now: number): Finding[] {
  if (rejected !== undefined) {
    const problem = `The certificate of PUBLIC_URL is not accepted: ${rejected}.`;
    return [broken(problem, FIXES[rejected] ?? PRIVATE)];
  }
  const days = Math.floor((validTo - now) / DAY);
  if (days >= SOON) return [];
  return [
    warning(
      `The certificate of PUBLIC_URL expires in ${days} days.`,
      'Renew it, and see why that did not happen by itself.',
    ),
  ];
}
