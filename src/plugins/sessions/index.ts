/** Sessions, one concept for REST and OIDC. Owns tables sessions and login_history. */
import { z } from 'zod';
import { definePlugin } from '../../kernel/plugin.ts';
import { provide } from '../../kernel/service.ts';
import { Grants } from '../grants/contract.ts';
import { Revocations } from '../revocations/contract.ts';
import { RefreshReplayed, SessionEnded, SessionStarted, Sessions } from './contract.ts';
import { createSessionModel } from './model.ts';
import { createPartitionKeeper } from './partitions.ts';
import { createSessionService } from './service.ts';

export const sessions = definePlugin({
  name: 'sessions',
  kernel: 1,
  dependsOn: ['grants', 'revocations'],
  settings: z.object({}),
  events: [SessionStarted, SessionEnded, RefreshReplayed],
  setup(context) {
    const { db, clock, log } = context;
    const model = createSessionModel(db);
    const service = createSessionService({
      ...context,
      sessions: model,
      grants: context.use(Grants),
      revocations: context.use(Revocations),
      lifetime: context.core.sessionTtl,
    });
    const partitions = createPartitionKeeper({ sessions: model, clock, log });
    return {
      provides: [provide(Sessions, service)],
      start: () => partitions.start(),
      stop: async () => partitions.stop(),
    };
  },
});
