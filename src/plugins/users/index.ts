/** Users and their passwords. Owns table users. */
import { definePlugin } from '../../kernel/plugin.ts';
import { provide } from '../../kernel/service.ts';
import { RateLimits } from '../rate-limit/contract.ts';
import { Sessions } from '../sessions/contract.ts';
import { createAccounts } from './claims.ts';
import { commands } from './cli.ts';
import { loadCommonPasswords } from './common-passwords.ts';
import { serviceWords } from './context-words.ts';
import { hashSlots, Users, userEvents } from './contract.ts';
import { diagnoseHashes } from './diagnose.ts';
import { createHashParameters } from './hash-parameters.ts';
import { createHashQueue } from './hash-queue.ts';
import { createUserModel } from './model.ts';
import { createPasswordBlocklist } from './password-blocklist.ts';
import { createPasswordHasher, phcParameters } from './password-hasher.ts';
import { createPasswordPolicy } from './password-policy.ts';
import { parsePeppers } from './pepper.ts';
import { createUserService } from './service.ts';
import { settings } from './settings.ts';
import { createUserData } from './user-data.ts';

export const users = definePlugin({
  name: 'users',
  kernel: 1,
  dependsOn: ['rate-limit', 'sessions'],
  settings,
  events: userEvents,
  commands,
  setup(context) {
    const { settings: set, core } = context;
    const model = createUserModel(context.db);
    const queue = createHashQueue({
      slots: hashSlots(set.HASH_SLOTS),
      waiting: set.HASH_QUEUE,
      patience: set.HASH_PATIENCE * 1000,
      ...context,
    });
    const argon2 = { memoryKib: set.ARGON2_MEMORY_KIB, passes: set.ARGON2_PASSES };
    const parameters = createHashParameters(phcParameters(argon2), model);
    const service = createUserService({
      ...context,
      ...{ users: model, admit: queue.admit },
      passwordMinLength: set.PASSWORD_MIN_LENGTH,
      limits: context.use(RateLimits),
      sessions: context.use(Sessions),
      policy: createPasswordPolicy({
        minLength: set.PASSWORD_MIN_LENGTH,
        blocklist: createPasswordBlocklist(loadCommonPasswords),
        serviceWords: serviceWords(core.publicUrl),
      }),
      hasher: createPasswordHasher({
        ...context,
        ...argon2,
        peppers: parsePeppers(set.PASSWORD_PEPPER),
        parameters,
        queue,
      }),
    });
    const accounts = createAccounts(model);
    return {
      provides: [provide(Users, service)],
      ...createUserData(model),
      accounts: accounts.source,
      claims: accounts.claims,
      gauges: queue.gauges,
      diagnoses: [diagnoseHashes({ ...argon2, users: model })],
      tasks: [{ name: 'users.hash-parameters', every: 30, run: parameters.read }],
      start: parameters.read,
    };
  },
});
