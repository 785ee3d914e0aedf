import { defineService } from '../../kernel/service.ts';

/**
 * Kinds of mails that somebody else than the recipient may cause. Each has a bucket of its own for every recipient: one kind
 * never stops another. `notice`: what is told of an account whose address nobody has verified.
 */
export type MailKind = 'register' | 'verify' | 'reset' | 'change' | 'notice';

export interface RateLimits {
  /**
   * Spends one attempt at the password of an account, whoever tries, from wherever and by whichever way. Call it with
   * the canonical identifier, before a hash is computed and whether or not there is such an account.
   * `holder` names a browser or session that proved to be the account's before: it has attempts of its own, as many, and
   * others cannot use them up. A right password gives nothing back. Throws `rate-limit:too-many-attempts` (429).
   */
  account(identifier: string, holder?: string): Promise<void>;
  /** Gives back all attempts that strangers had at the password of an account. Throws nothing: it may stay as it is. */
  refill(identifier: string): Promise<void>;
  /**
   * Spends one mail of this kind to a recipient that somebody else may have typed, by canonical address, known or not.
   * False: send none, and answer as if one had been sent.
   */
  mail(kind: MailKind, recipient: string): Promise<boolean>;
}

export const RateLimits = defineService<RateLimits>('rate-limits');
