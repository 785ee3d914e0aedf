/** What never changes, against Koa serving the same bytes. */
import { compare, httpSide } from '../measure.ts';
import { getWorkers } from '../stage/oidc-server.ts';
import { DOCUMENTS } from '../stage/stage.ts';
import type { Row } from './row.ts';

export const documents: readonly Row[] = Object.entries(DOCUMENTS).map(([name, path]) => ({
  name,
  async run({ ours, koa, options }) {
    const side = ({ pid, http }: typeof koa) =>
      httpSide([pid], getWorkers(http, path, options.connections));
    const comparison = await compare({ ours: side(ours), limit: side(koa) }, options);
    return [{ kind: 'comparison', work: name, limit: 'bare Koa', target: 0.8, comparison }];
  },
}));
