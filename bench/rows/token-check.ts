/** The check of an access token: the function against jose's, and a whole route of ours against Koa with jose. */
import { compare, httpSide } from '../measure.ts';
import { getWorkers } from '../stage/oidc-server.ts';
import { rawSide } from './raw-side.ts';
import type { Row } from './row.ts';

export const tokenCheck: Row = {
  name: 'token-check',
  async run({ ours, koa, raw, options }) {
    const token = (await ours.signIn(0)).get('authsrv-access') ?? '';
    const check = await compare(
      { ours: rawSide(raw, 'verifier', token), limit: rawSide(raw, 'jose', token) },
      options,
    );
    const headers = { authorization: `Bearer ${token}` };
    const side = ({ pid, http }: typeof koa) =>
      httpSide([pid], getWorkers(http, '/bench/whoami', options.connections, headers));
    const route = await compare({ ours: side(ours), limit: side(koa) }, options);
    return [
      {
        kind: 'comparison',
        work: 'access-token check',
        limit: 'jose verify alone',
        target: 0.7,
        comparison: check,
      },
      {
        kind: 'comparison',
        work: 'a user route, rate limit and all',
        limit: 'bare Koa with jose',
        comparison: route,
      },
    ];
  },
};
