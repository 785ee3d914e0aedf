import { defineService } from '../../kernel/service.ts';
import type { Transaction } from '../../kernel/store.ts';
import type { Attempt, ChangedCredentials, Registration, User } from '../users/contract.ts';

/** `check-mail`: nothing has happened yet; whoever follows the mailed link makes it happen. */
export type EmailChangeOutcome = 'wrong-password' | 'check-mail' | ChangedCredentials;

/** What signs in to an account besides its password, and outlives a reset unless it is removed with it (D7). */
export interface WayIn {
  /** Of this user alone, in lower-case letters, digits and `-`. */
  readonly id: string;
  readonly label: string;
  readonly detail: string | null;
  readonly since: Date;
}

export interface WaysIn {
  list(userId: string): Promise<readonly WayIn[]>;
  /** Those of `ids` that are there, as part of the transaction. */
  remove(user: User, ids: readonly string[], transaction: Transaction): Promise<void>;
}

/** `password`: not looked at under REGISTRATION=strict, where who follows the link chooses it. */
export type RegistrationRequest = Omit<Registration, 'password'> & {
  readonly password?: string | undefined;
};

export interface EmailLinkService {
  /** During `setup` only: shown in the mail and on the page of a reset, and removed there by whom they are not. */
  showAtReset(ways: WaysIn): void;
  /** What signs in to an account besides its password. */
  waysIn(userId: string): Promise<readonly WayIn[]>;
  /** Whether mail can leave. Without it an address changes at once, and nobody can reset a password. */
  readonly mailEnabled: boolean;
  /** Path, below PUBLIC_URL's own, of the page for those who forgot their password; undefined without mail. */
  readonly forgotPath: string | undefined;
  /**
   * Registers as REGISTRATION says. `open`: the new user, who gets a mail to verify the address; throws
   * `users:email-taken`. `strict`: undefined, whether or not the address is taken, after the same time (SEC-16);
   * nothing that is said of the password counts. Throws what `Users.prepare` throws. Who may register at all is for the caller to say.
   */
  register(registration: RegistrationRequest): Promise<User | undefined>;
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
