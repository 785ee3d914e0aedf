/** Users and their passwords. Owns table users. */
import { definePlugin } from '../../kernel/plugin.ts';
import { provide } from '../../kernel/service.ts';
import { KnownBrowsers } from '../known-browsers/contract.ts';
import { RateLimits } from '../rate-limit/contract.ts';
import { Revocations } from '../revocations/contract.ts';
import { Sessions } from '../sessions/contract.ts';
import { createAccounts } from './claims.ts';
import { commands } from './cli.ts';
import { loadCommonPasswords } from './common-passwords.ts';
import { serviceWords } from './context-words.ts';
import { Users, userEvents } from './contract.ts';
import { keepKeys } from './email-keys.ts';
import { createHashing } from './hashing.ts';
import { createUserModel } from './model.ts';
import { createPasswordBlocklist } from './password-blocklist.ts';
import { createPasswordPolicy } from './password-policy.ts';
import {
  createFinishDeletions,
  diagnoseDeletions,
  FINISH_EVERY,
} from './service/finish-deletions.ts';
import { createUserService } from './service.ts';
import { settings } from './settings.ts';
import { createUserData } from './user-data.ts';

export const users = definePlugin({
  name: 'users',
  kernel: 1,
  dependsOn: ['known-browsers', 'rate-limit', 'revocations', 'sessions'],
  settings,
  events: userEvents,
  commands,
  setup(context) {
    const { settings: set, core } = context;
    const model = createUserModel(context.db);
    const { hasher, admit, contributions } = createHashing(context, model);
    const service = createUserService({
      ...context,
      ...{ users: model, admit, hasher },
      passwordMinLength: set.PASSWORD_MIN_LENGTH,
      limits: context.use(RateLimits),
      knownBrowsers: context.use(KnownBrowsers),
      sessions: context.use(Sessions),
      revocations: context.use(Revocations),
      policy: createPasswordPolicy({
        minLength: set.PASSWORD_MIN_LENGTH,
        blocklist: createPasswordBlocklist(loadCommonPasswords),
        serviceWords: serviceWords(core.publicUrl),
      }),
    });
    const accounts = createAccounts(model);
    const keys = keepKeys(model);
    return {
      provides: [provide(Users, service)],
      ...createUserData(model),
      accounts: accounts.source,
      claims: accounts.claims,
      ...contributions,
      diagnoses: [...contributions.diagnoses, ...keys.diagnoses, diagnoseDeletions(model)],
      tasks: [
        ...contributions.tasks,
        ...keys.tasks,
        {
          name: 'users.deletions',
          every: FINISH_EVERY,
          run: createFinishDeletions({ users: model, remove: service.delete, log: context.log }),
        },
      ],
      async start() {
        await contributions.start();
        await keys.start();
      },
    };
  },
});
