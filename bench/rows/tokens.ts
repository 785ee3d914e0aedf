/** Tokens and the code flow against oidc-provider alone on the same Redis. */
import { type Comparison, compare, httpSide } from '../measure.ts';
import { clientCredentialsWorkers, codeFlowWorkers, refreshWorkers } from '../stage/oidc-server.ts';
import { cookieRefreshWorkers } from '../stage/our-server.ts';
import type { Stage } from '../stage/stage.ts';
import type { Finding, Row } from './row.ts';

const LIMIT = 'bare oidc-provider';

const finding = (work: string, target: number, comparison: Comparison): Finding => ({
  kind: 'comparison',
  work,
  limit: LIMIT,
  target,
  comparison,
});

async function refreshSide(server: Stage['ours'] | Stage['provider'], connections: number) {
  return httpSide([server.pid], await refreshWorkers(server, connections));
}

export const refresh: Row = {
  name: 'refresh',
  async run({ ours, provider, options }) {
    const limit = await refreshSide(provider, options.connections);
    const byOidc = await refreshSide(ours, options.connections);
    const workers = await cookieRefreshWorkers(ours, options.connections);
    const byCookie = httpSide([ours.pid], workers);
    return [
      finding('/oidc/token refresh', 0.85, await compare({ ours: byOidc, limit }, options)),
      finding('/auth/refresh', 0.85, await compare({ ours: byCookie, limit }, options)),
    ];
  },
};

export const clientCredentials: Row = {
  name: 'client-credentials',
  async run({ ours, provider, options }) {
    const side = (server: Stage['provider']) =>
      httpSide([server.pid], clientCredentialsWorkers(server, options.connections));
    const comparison = await compare({ ours: side(ours), limit: side(provider) }, options);
    return [finding('client credentials', 0.9, comparison)];
  },
};

export const codeFlow: Row = {
  name: 'code-flow',
  async run({ ours, provider, options }) {
    const side = async (server: Stage['provider']) =>
      httpSide([server.pid], await codeFlowWorkers(server, options.connections));
    const sides = { ours: await side(ours), limit: await side(provider) };
    return [finding('code flow, signed in', 0.85, await compare(sides, options))];
  },
};
