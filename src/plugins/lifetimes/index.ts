/** With which lifetimes tokens are, or were, issued by all nodes. Owns table lifetimes_in_use. */
import { z } from 'zod';
import { definePlugin } from '../../kernel/plugin.ts';
import { ANNOUNCE, createLifetimeModel } from './model.ts';

export const lifetimes = definePlugin({
  name: 'lifetimes',
  kernel: 1,
  settings: z.object({}),
  setup({ db, core }) {
    const model = createLifetimeModel(db);
    const announce = (): Promise<void> =>
      model.announce({ ACCESS_TOKEN_TTL: core.accessTokenTtl, JWKS_MAX_AGE: core.jwksMaxAge });
    const renew = async (): Promise<void> => {
      await announce();
      await model.forget();
    };
    return {
      // Before this node issues anything.
      start: announce,
      tasks: [{ name: 'lifetimes', every: ANNOUNCE, run: renew }],
    };
  },
});
