/** What stops valid tokens before they expire: the denylist of every node, and its stream for APIs. Owns table revocations. */
import { z } from 'zod';
import { definePlugin } from '../../kernel/plugin.ts';
import { provide } from '../../kernel/service.ts';
import { Revocations } from './contract.ts';
import { createDenylist } from './denylist.ts';
import { createFollow } from './events.ts';
import { every } from './every.ts';
import { createFeed } from './feed.ts';
import { createJournal } from './journal.ts';
import { createRevocationModel, SKEW } from './model.ts';
import { createRoutes } from './routes.ts';
import { createRevocationService } from './service.ts';

export const revocations = definePlugin({
  name: 'revocations',
  kernel: 1,
  dependsOn: ['lifetimes'],
  settings: z.object({}),
  setup({ db, store, core, log }) {
    const model = createRevocationModel(db, core.accessTokenTtl);
    const denylist = createDenylist();
    const journal = createJournal();
    const keep = (core.accessTokenTtl + SKEW) * 1000;
    const feed = createFeed({ revocations: model, denylist, journal, store, log, keep, every });
    const service = createRevocationService({ revocations: model, denylist, feed });
    const follow = createFollow({ revocations: model, journal });
    return {
      provides: [provide(Revocations, service)],
      routes: createRoutes({ follow, log }),
      // They are of tokens that no key verifies any more, under numbers of another server's transactions.
      afterRestore: () => model.forget(),
      start: () => feed.start(),
      stop: () => feed.stop(),
    };
  },
});
