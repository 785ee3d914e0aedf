/** Token buckets for client addresses, accounts and OIDC clients. */
import { createSecretKey } from 'node:crypto';
import { definePlugin } from '../../kernel/plugin.ts';
import { provide } from '../../kernel/service.ts';
import { createBuckets } from './buckets.ts';
import { RateLimits } from './contract.ts';
import { diagnoseOff } from './diagnose.ts';
import { refusedGauges } from './gauges.ts';
import { createLocalBuckets } from './local-buckets.ts';
import { createLimiter, createRateLimits, unlimited } from './service.ts';
import { parseRate, settings } from './settings.ts';

export const rateLimit = definePlugin({
  name: 'rate-limit',
  kernel: 1,
  settings,
  setup(context) {
    const { settings: set, core, secrets } = context;
    if (set.RATE_LIMIT === 'off') {
      const diagnoses = [diagnoseOff(core.publicUrl)];
      return { provides: [provide(RateLimits, unlimited)], diagnoses };
    }
    const [key] = secrets.keys('rate-limit');
    const policy = (name: string, rate: string) => ({ name, ...parseRate(rate) });
    const dependencies = {
      buckets: createBuckets({ ...context, key: createSecretKey(key) }),
      policies: {
        read: policy('read', set.RATE_LIMIT_READ),
        write: policy('write', set.RATE_LIMIT_WRITE),
        'sign-in': policy('sign-in', set.RATE_LIMIT_SIGN_IN),
        register: policy('register', set.RATE_LIMIT_REGISTER),
        mail: policy('mail', set.RATE_LIMIT_MAIL),
        oidc: policy('oidc', set.RATE_LIMIT_OIDC),
        client: policy('client', set.RATE_LIMIT_CLIENT),
        account: policy('account', set.RATE_LIMIT_ACCOUNT),
        recipient: policy('recipient', set.RATE_LIMIT_RECIPIENT),
      },
    };
    const refused = { strangers: 0, owners: 0 };
    return {
      provides: [provide(RateLimits, createRateLimits({ ...dependencies, refused }))],
      gauges: refusedGauges(refused),
      limiter: createLimiter({
        ...dependencies,
        local: createLocalBuckets(context.clock, { share: (rate) => rate }),
        other: policy('other', set.RATE_LIMIT_OTHER),
      }),
    };
  },
});
