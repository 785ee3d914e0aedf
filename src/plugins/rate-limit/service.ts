import type { Limiter } from '../../kernel/plugin.ts';
import type { RateClass } from '../../kernel/route.ts';
import type { Buckets, Taken } from './buckets.ts';
import { clientNetwork } from './client-network.ts';
import type { RateLimits } from './contract.ts';
import type { LocalBuckets } from './local-buckets.ts';
import { problems } from './problems.ts';
import { headerFields, type Policy } from './rate.ts';

interface Dependencies {
  readonly buckets: Buckets;
  /** By class of route, and those of accounts and recipients. */
  readonly policies: Readonly<Record<RateClass | 'account' | 'recipient', Policy>>;
}

interface LocalDependencies {
  /** Of this process, whole: every other process has as much again. */
  readonly local: Pick<LocalBuckets, 'take'>;
  readonly other: Policy;
}

/** Attempts at passwords that were refused so far, by whose they were. */
export interface RefusedAttempts {
  strangers: number;
  owners: number;
}

const refusal = ({ retryAfter, policy, ...answer }: Taken) => ({
  retryAfter,
  detail: `Please wait ${retryAfter} ${retryAfter === 1 ? 'second' : 'seconds'}, then try again.`,
  headers: headerFields(policy, { retryAfter, ...answer }),
});

/** By client address, and by address and client where OIDC clients call. */
export const createLimiter = ({
  buckets,
  policies,
  local,
  other,
}: Dependencies & LocalDependencies): Limiter => ({
  problems: Object.values(problems),
  async spend(rateClass, { ip, client }) {
    const who = client === undefined ? [] : [client];
    const taken = await buckets.take(policies[rateClass], clientNetwork(ip), ...who);
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
export const createRateLimits = ({
  buckets,
  policies,
  refused,
}: Dependencies & { readonly refused: RefusedAttempts }): RateLimits => ({
  async account(identifier, holder) {
    const who = holder === undefined ? [identifier] : [identifier, holder];
    const taken = await buckets.take(policies.account, ...who);
    if (taken.allowed) return;
    refused[holder === undefined ? 'strangers' : 'owners'] += 1;
    throw problems.tooManyAttempts(refusal(taken));
  },
  refill: (identifier) => buckets.fill(policies.account, identifier),
  mail: async (kind, recipient) =>
    (await buckets.take(policies.recipient, kind, recipient)).allowed,
});

/** RATE_LIMIT=off. */
export const unlimited: RateLimits = {
  account: async () => undefined,
  refill: async () => undefined,
  mail: async () => true,
};
