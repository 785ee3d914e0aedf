/** `proxy`: whether PUBLIC_URL, HOST and TRUST_PROXY fit each other. */
import { isLoopbackHost } from '../kernel/addresses.ts';
import { broken, type Diagnosis, type Finding, warning } from '../kernel/plugin.ts';

interface Settings {
  readonly publicUrl: URL;
  readonly HOST: string;
  readonly TRUST_PROXY: readonly string[];
}

export const diagnoseProxy = (settings: Settings): Diagnosis => ({
  name: 'proxy',
  check: async () => [...judgeTrust(settings), ...judgeAddress(settings)],
});

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
