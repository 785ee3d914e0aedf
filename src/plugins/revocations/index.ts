/** What stops valid tokens before they expire: the denylist of every node. Owns table revocations. */
import { z } from 'zod';
import { definePlugin } from '../../kernel/plugin.ts';
import { provide } from '../../kernel/service.ts';
import { Revocations } from './contract.ts';
import { createDenylist } from './denylist.ts';
import { every } from './every.ts';
import { createFeed } from './feed.ts';
import { createRevocationModel } from './model.ts';
import { createRevocationService } from './service.ts';

export const revocations = definePlugin({
  name: 'revocations',
  kernel: 1,
  settings: z.object({}),
  setup({ db, store, core, log }) {
    const model = createRevocationModel(db);
    const denylist = createDenylist();
    const lifetime = core.accessTokenTtl;
    const feed = createFeed({ revocations: model, denylist, store, log, lifetime, every });
    const service = createRevocationService({ revocations: model, denylist, feed });
    return {
      provides: [provide(Revocations, service)],
      start: () => feed.start(),
      stop: () => feed.stop(),
    };
  },
});
