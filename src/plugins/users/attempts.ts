import type { KnownBrowserService } from '../known-browsers/contract.ts';
import type { RateLimits } from '../rate-limit/contract.ts';
import type { Attempt } from './contract.ts';
import type { UserRow } from './model.ts';

export interface AttemptDependencies {
  readonly limits: Pick<RateLimits, 'account' | 'refill'>;
  readonly knownBrowsers: Pick<KnownBrowserService, 'accounts'>;
}

/**
 * Who may try a password. A browser in which the account signed in before, and a session of it, have attempts of their own;
 * all others share those of strangers, so that these can keep nobody out (SEC-19). The browser is looked up by one
 * statement, which is the same for every account and cookie, and tells of no account that the browser is not known to.
 */
export function createAttempts({ limits, knownBrowsers }: AttemptDependencies) {
  const unknown = { cookie: () => undefined };

  return {
    /** At the account of an address, known or not: spends an attempt. Throws `rate-limit:too-many-attempts`. */
    async spendOn(email: string, { request = unknown }: Attempt): Promise<void> {
      const known = await knownBrowsers.accounts(request);
      const browser = known.find((account) => account.email === email);
      await limits.account(email, browser && `browser ${browser.id}`);
    },

    /** At the account of somebody who may be signed in. */
    async spendOnUser(
      row: UserRow | undefined,
      id: string,
      { request = unknown, sessionId }: Attempt,
    ): Promise<void> {
      const known = await knownBrowsers.accounts(request);
      const browser = known.find(({ userId }) => userId === row?.id);
      const session = sessionId === undefined ? undefined : `session ${sessionId}`;
      const holder = browser ? `browser ${browser.id}` : session;
      await limits.account(row?.email_canonical ?? id, holder);
    },
  };
}
