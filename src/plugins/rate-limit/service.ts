import type { Limiter } from '../../kernel/plugin.ts';
import type { RateClass } from '../../kernel/route.ts';
import type { Taken, TakeToken } from './buckets.ts';
import { clientNetwork } from './client-network.ts';
import type { RateLimits } from './contract.ts';
import type { LocalBuckets } from './local-buckets.ts';
import { problems } from './problems.ts';
import { headerFields, type Policy } from './rate.ts';

interface Dependencies {
  readonly take: TakeToken;
  /** By class of route, and those of accounts and recipients. */
  readonly policies: Readonly<Record<RateClass | 'account' | 'recipient', Policy>>;
}

interface LocalDependencies {
  /** Of this process, whole: every other process has as much again. */
  readonly local: Pick<LocalBuckets, 'take'>;
  readonly other: Policy;
}

const refusal = ({ retryAfter, policy, ...answer }: Taken) => ({
  retryAfter,
  detail: `Please wait ${retryAfter} ${retryAfter === 1 ? 'second' : 'seconds'}, then try again.`,
  headers: headerFields(policy, { retryAfter, ...answer }),
});

/** By client address, and by address and client where OIDC clients call. */
export const createLimiter = ({
  take,
  policies,
  local,
  other,
}: Dependencies & LocalDependencies): Limiter => ({
  problems: Object.values(problems),
  async spend(rateClass, { ip, client }) {
    const who = client === undefined ? [] : [client];
    const taken = await take(policies[rateClass], clientNetwork(ip), ...who);
    if (!taken.allowed) throw problems.tooManyRequests(refusal(taken));
    return headerFields(taken.policy, taken);
  },
  spendHere(ip) {
    const answer = local.take(other, clientNetwork(ip));
    return answer.allowed
      ? undefined
      : problems.tooManyRequests(refusal({ ...answer, policy: other }));
  },
});

/** What is left of an account's bucket is told only with a refusal: it would say that somebody else tried. */
export const createRateLimits = ({ take, policies }: Dependencies): RateLimits => ({
  async account(identifier) {
    const taken = await take(policies.account, identifier);
    if (!taken.allowed) throw problems.tooManyAttempts(refusal(taken));
  },
  mail: async (kind, recipient) => (await take(policies.recipient, kind, recipient)).allowed,
});

/** RATE_LIMIT=off. */
export const unlimited: RateLimits = {
  account: async () => undefined,
  mail: async () => true,
};
