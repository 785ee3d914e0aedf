/** `proxy`: whether PUBLIC_URL, HOST and TRUST_PROXY fit each other, and what proxies have sent to a server on this machine. */
import { isLoopbackHost } from '../kernel/addresses.ts';
import { broken, type Diagnosis, type Finding, warning } from '../kernel/plugin.ts';
import type { Call } from './call.ts';

interface Settings {
  readonly publicUrl: URL;
  readonly HOST: string;
  readonly TRUST_PROXY: readonly string[];
  readonly METRICS_TOKEN?: string | undefined;
}

interface Running {
  /** Where a server on this machine listens: `http://127.0.0.1:3000`. */
  readonly socket: string;
  readonly call: Call;
  readonly statusUnder: (url: string, host: string) => Promise<number>;
}

export const diagnoseProxy = (settings: Settings, running: Running): Diagnosis => ({
  name: 'proxy',
  check: async () => [
    ...judgeTrust(settings),
    ...judgeAddress(settings),
    ...(await judgeHops(settings, running)),
    ...(await judgeMetrics(settings, running)),
  ],
});

const NOT_UNDERSTOOD = /^auth_events_total\{[^}]*event="proxy\.not_understood"[^}]*\} [1-9]/m;

async function judgeHops(settings: Settings, running: Running): Promise<Finding[]> {
  const { METRICS_TOKEN: token } = settings;
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const answer = await running
    .call(`${running.socket}/metrics`, { headers })
    .catch(() => undefined);
  if (!answer || !NOT_UNDERSTOOD.test(answer.text)) return [];
  return [
    warning(
      'A proxy sends an X-Forwarded-For that is no address, so its clients share its own, and with it rate limits and login history.',
      'The log has it as proxy.not_understood. Let the proxy put the address it was called from there, with or without port and brackets.',
    ),
  ];
}

/**
 * Of a proxy that says nothing of itself, a stranger who asks for `localhost` looks like somebody at this machine. Behind an
 * https PUBLIC_URL of a loopback host nobody else is asked, and a proxy of TRUST_PROXY may say so.
 */
async function judgeMetrics(
  { publicUrl, METRICS_TOKEN }: Settings,
  { statusUnder }: Running,
): Promise<Finding[]> {
  if (publicUrl.protocol !== 'https:' || METRICS_TOKEN !== undefined) return [];
  if (isLoopbackHost(publicUrl.hostname)) return [];
  const url = `${publicUrl.href.replace(/\/$/, '')}/metrics`;
  const status = await statusUnder(url, 'localhost').catch(() => undefined);
  if (status !== 200) return [];
  return [
    broken(
      `Anybody can read ${url} by asking for localhost: the proxy passes requests on without saying so.`,
      'Set METRICS_TOKEN, and let the proxy set X-Forwarded-For and answer for its own names only.',
    ),
  ];
}

function judgeTrust({ publicUrl, TRUST_PROXY }: Settings): Finding[] {
  const all = TRUST_PROXY.find((item) => item.endsWith('/0'));
  if (all !== undefined) {
    const problem = `TRUST_PROXY=${all} lets every client choose the address it is counted under.`;
    return [broken(problem, 'Name the addresses of your proxies only.')];
  }
  // We speak no TLS ourselves, so something in front does.
  if (publicUrl.protocol !== 'https:' || TRUST_PROXY.length > 0) return [];
  const problem =
    'Something in front of us ends TLS, and TRUST_PROXY names no proxy: all clients share its address, and with it rate limits and login history.';
  return [
    warning(problem, 'Set TRUST_PROXY to its address or CIDR, and let it set X-Forwarded-For.'),
  ];
}

function judgeAddress({ publicUrl, HOST }: Settings): Finding[] {
  if (publicUrl.protocol === 'https:' || isLoopbackHost(HOST)) return [];
  const problem = `HOST=${HOST} takes connections from other machines, and PUBLIC_URL ${publicUrl.origin} is for this one only.`;
  return [
    warning(
      problem,
      'Set PUBLIC_URL to the https address that a proxy serves, or HOST to 127.0.0.1.',
    ),
  ];
}
