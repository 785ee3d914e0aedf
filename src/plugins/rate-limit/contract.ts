import { defineService } from '../../kernel/service.ts';

export interface RateLimits {
  /**
   * Spends one attempt at the password of an account, whoever tries, from wherever and by whichever way. Call it with
   * the canonical identifier, before a hash is computed and whether or not there is such an account.
   * A right password gives nothing back. Throws `rate-limit:too-many-attempts` (429).
   */
  account(identifier: string): Promise<void>;
  /**
   * Spends one mail to a recipient that somebody else may have typed, by canonical address, known or not.
   * False: send none, and answer as if one had been sent.
   */
  mail(recipient: string): Promise<boolean>;
}

export const RateLimits = defineService<RateLimits>('rate-limits');
