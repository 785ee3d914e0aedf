/** Browsers that signed in before, by a cookie that outlives the session. Owns table known_browsers. */
import { z } from 'zod';
import { inBatches } from '../../kernel/in-batches.ts';
import { definePlugin } from '../../kernel/plugin.ts';
import { provide } from '../../kernel/service.ts';
import { KnownBrowsers } from './contract.ts';
import { createKnownBrowserModel } from './model.ts';
import { createKnownBrowsers, LIFETIME } from './service.ts';

export const knownBrowsers = definePlugin({
  name: 'known-browsers',
  kernel: 1,
  settings: z.object({}),
  setup(context) {
    const { db, clock } = context;
    const model = createKnownBrowserModel(db);
    const forgetUnused = async (): Promise<void> => {
      const before = new Date(clock.now() - LIFETIME * 1000);
      await inBatches((size) => model.deleteUnused(before, size));
    };
    return {
      provides: [provide(KnownBrowsers, createKnownBrowsers({ ...context, browsers: model }))],
      exportUser: { known_browsers: ({ id }) => model.exportOf(id) },
      eraseUser: ({ id }, transaction) => model.forget(id, transaction),
      credentialsChanged: ({ userId }, transaction) => model.forget(userId, transaction),
      tasks: [{ name: 'known-browsers.housekeeping', every: 3600, run: forgetUnused }],
    };
  },
});
