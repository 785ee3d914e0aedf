import type { KnownBrowserService } from '../known-browsers/contract.ts';
import type { RateLimits } from '../rate-limit/contract.ts';
import type { Attempt } from './contract.ts';
import { emailKey } from './email-address.ts';
import type { SoughtEmail, UserRow } from './model.ts';

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
    async spendOn({ canonical, key }: SoughtEmail, { request = unknown }: Attempt): Promise<void> {
      const known = await knownBrowsers.accounts(request);
      // The account that the address names, as `findByEmail` does.
      const browser =
        known.find((account) => account.email === canonical) ??
        known.find((account) => account.emailKey === key);
      await limits.account(key, browser && `browser ${browser.id}`);
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
      await limits.account(row ? emailKey(row.email) : id, holder);
    },
  };
}
