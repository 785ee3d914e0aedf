/** `public_url`: whether browsers and clients reach this server where it says they do. */
import type { Clock } from '../kernel/clock.ts';
import { broken, type Diagnosis, type Finding, warning } from '../kernel/plugin.ts';
import type { Answer, Call } from './call.ts';
import { judgeCertificate, type ReadCertificate } from './certificate.ts';

export interface PublicUrlParts {
  /** PUBLIC_URL without a trailing slash. */
  readonly issuer: string;
  /** Where a server on this machine listens: `http://127.0.0.1:3000`. */
  readonly socket: string;
  readonly call: Call;
  readonly readCertificate: ReadCertificate;
  readonly clock: Clock;
}

export const diagnosePublicUrl = (parts: PublicUrlParts): Diagnosis => ({
  name: 'public_url',
  check: async () => [...(await certificate(parts)), ...(await answers(parts))],
});

async function certificate({ issuer, readCertificate, clock }: PublicUrlParts): Promise<Finding[]> {
  if (!issuer.startsWith('https:')) return [];
  try {
    return judgeCertificate(await readCertificate(new URL(issuer)), clock.now());
  } catch {
    return []; // Nobody there: the calls say why.
  }
}

/** Each step makes sense only when the one before it found nothing. */
async function answers(parts: PublicUrlParts): Promise<Finding[]> {
  const { issuer, call } = parts;
  try {
    const live = judgeLive(issuer, await call(`${issuer}/health/live`));
    if (live.length > 0) return live;
    return judgeMetadata(issuer, await call(`${issuer}/.well-known/openid-configuration`));
  } catch (error) {
    return unreachable(parts, error as Error);
  }
}

function judgeLive(issuer: string, { status, headers, json }: Answer): Finding[] {
  if (status >= 300 && status < 400) {
    const problem = `${issuer} redirects to ${headers.get('location')}, and clients follow no redirects.`;
    return [broken(problem, 'Set PUBLIC_URL to where it leads in the end.')];
  }
  if (status === 200 && json?.['status'] === 'ok') return [];
  const problem = `${issuer}/health/live answers ${status}${status === 200 ? ', but not as this server does' : ''}.`;
  // Node's parser: what comes is no HTTP.
  if (status === 400) {
    return [broken(problem, 'Let the proxy speak plain HTTP to us, without the PROXY protocol.')];
  }
  const fix =
    status >= 500
      ? 'Start the server, and let the proxy pass requests on to its HOST and PORT.'
      : 'Let the proxy pass every path of PUBLIC_URL on unchanged, or correct PUBLIC_URL.';
  return [broken(problem, fix)];
}

function judgeMetadata(issuer: string, { status, headers, json }: Answer): Finding[] {
  if (status === 400) {
    const problem = 'Requests are refused behind the proxy (400).';
    return [broken(problem, 'With REQUEST_ID_POLICY=require let the proxy set X-Request-Id.')];
  }
  const found = json?.['issuer'];
  if (status !== 200 || typeof found !== 'string') {
    const problem = `${issuer}/.well-known/openid-configuration answers ${status}, not metadata.`;
    return [broken(problem, 'Let the proxy pass every path of PUBLIC_URL on unchanged.')];
  }
  if (found !== issuer) {
    const problem = `The server behind PUBLIC_URL calls itself ${found}, and here PUBLIC_URL is ${issuer}.`;
    return [
      broken(problem, 'Give all nodes, and this command, one PUBLIC_URL; then restart them.'),
    ];
  }
  // With 0 seconds browsers forget what they were told before (RFC 6797 §6.1.1).
  const hsts = headers.get('strict-transport-security') ?? '';
  if (issuer.startsWith('https:') && !/max-age="?0*[1-9]/i.test(hsts)) {
    const problem = 'The proxy takes Strict-Transport-Security away.';
    return [warning(problem, 'Let it pass the headers of answers on.')];
  }
  return [];
}

const FIXES: Readonly<Record<string, string>> = {
  ENOTFOUND: 'Correct the host of PUBLIC_URL, or its entry in DNS.',
  EAI_AGAIN: 'Correct the host of PUBLIC_URL, or its entry in DNS.',
  ECONNREFUSED: 'Start the proxy, or correct host and port of PUBLIC_URL.',
};

/** Node's fetch keeps the reason in `cause`. */
const codeOf = (error: Error): string => {
  const { code } = (error.cause ?? error) as { readonly code?: unknown };
  return typeof code === 'string' ? code : error.name;
};

const isCertificateFault = (code: string): boolean => /CERT|SELF_SIGNED|UNABLE_TO_/.test(code);

async function unreachable({ issuer, socket, call }: PublicUrlParts, error: Error) {
  const code = codeOf(error);
  // Told by the certificate itself.
  if (isCertificateFault(code)) return [];
  const isAddress = code === 'ENOTFOUND' || code === 'EAI_AGAIN';
  const runs = await call(`${socket}/health/live`).then(
    () => true,
    () => false,
  );
  const fix = FIXES[code] ?? 'Let a proxy answer there, and let this machine reach it.';
  const problem = `${issuer} cannot be reached from this machine: ${code}.`;
  if (runs || isAddress) return [broken(problem, fix)];
  return [warning(`${problem} No server runs on this machine either.`, 'Start it, and ask again.')];
}
