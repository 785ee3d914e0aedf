/** Sessions, one concept for REST and OIDC. Owns tables sessions and login_history. */
import { definePlugin } from '../../kernel/plugin.ts';
import { provide } from '../../kernel/service.ts';
import { Grants } from '../grants/contract.ts';
import { KnownBrowsers } from '../known-browsers/contract.ts';
import { Revocations } from '../revocations/contract.ts';
import { RefreshReplayed, SessionEnded, SessionStarted, Sessions } from './contract.ts';
import { diagnosePartitions } from './diagnose.ts';
import { createSessionEnds } from './end-sessions.ts';
import { createEviction } from './evict-sessions.ts';
import { createHousekeeping } from './housekeeping.ts';
import { createSessionModel } from './model.ts';
import { createForgetHistory, createPartitionKeeper } from './partitions.ts';
import { createSessionService } from './service.ts';
import { settings } from './settings.ts';
import { createUserData } from './user-data.ts';

export const sessions = definePlugin({
  name: 'sessions',
  kernel: 1,
  dependsOn: ['grants', 'known-browsers', 'revocations'],
  settings,
  events: [SessionStarted, SessionEnded, RefreshReplayed],
  setup(context) {
    const { db, clock, core } = context;
    const model = createSessionModel(db);
    const [grants, revocations] = [context.use(Grants), context.use(Revocations)];
    const ends = createSessionEnds({ ...context, sessions: model, grants, revocations });
    const eviction = createEviction({
      sessions: model,
      end: ends.endThese,
      log: context.log,
      limit: context.settings.SESSIONS_PER_USER,
    });
    const service = createSessionService({
      ...context,
      ...{ sessions: model, grants, revocations, ends, eviction },
      knownBrowsers: context.use(KnownBrowsers),
      lifetime: core.sessionTtl,
      idleTtl: core.sessionIdleTtl,
    });
    const keepPartitions = createPartitionKeeper({ sessions: model, clock });
    const days = context.settings.LOGIN_HISTORY_DAYS;
    const forgetHistory = createForgetHistory({ sessions: model, clock, days });
    const housekeeping = createHousekeeping({
      sessions: model,
      end: service.end,
      clock,
      idleTtl: core.sessionIdleTtl,
      lifetime: core.sessionTtl,
    });
    return {
      provides: [provide(Sessions, service)],
      ...createUserData(model),
      afterRestore: () => model.endEvery('restored', new Date(clock.now())),
      diagnoses: [diagnosePartitions({ sessions: model, clock, days })],
      tasks: [
        { name: 'sessions.partitions', every: 12 * 3600, run: keepPartitions },
        { name: 'sessions.login-history', every: 3600, run: forgetHistory },
        { name: 'sessions.housekeeping', every: 600, run: housekeeping },
      ],
      start: keepPartitions,
      stop: eviction.stop,
    };
  },
});
