import { defineService } from '../../kernel/service.ts';
import type { Transaction } from '../../kernel/store.ts';
import type { Attempt, ChangedCredentials, Registration, User } from '../users/contract.ts';

/** `check-mail`: nothing has happened yet; whoever follows the mailed link makes it happen. */
export type EmailChangeOutcome = 'wrong-password' | 'check-mail' | ChangedCredentials;

export interface EmailLinkService {
  /** Whether mail can leave. Without it an address changes at once, and nobody can reset a password. */
  readonly mailEnabled: boolean;
  /** Path, below PUBLIC_URL's own, of the page for those who forgot their password; undefined without mail. */
  readonly forgotPath: string | undefined;
  /**
   * Registers as REGISTRATION says. `open`: the new user, who gets a mail to verify the address; throws
   * `users:email-taken`. `strict`: undefined, whether or not the address is taken, after the same time (SEC-16).
   * Throws what `Users.prepare` throws. Who may register at all is for the caller to say.
   */
  register(registration: Registration): Promise<User | undefined>;
  /**
   * A new address, once the link mailed to it is followed; at once when no mail can leave, and then every session and
   * grant ends. Throws `users:invalid-email`, `users:email-taken` (without mail only), `rate-limit:too-many-attempts`.
   */
  changeEmail(
    userId: string,
    change: { readonly email: string; readonly password: string; readonly attempt?: Attempt },
  ): Promise<EmailChangeOutcome>;
  /** Tells the user of a new password, as part of the transaction that sets it. */
  passwordChanged(user: User, transaction: Transaction): Promise<void>;
}

export { CheckMail } from './schemas.ts';

export const EmailLinks = defineService<EmailLinkService>('email-links');
