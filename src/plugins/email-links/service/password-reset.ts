import type { MailService } from '../../mail/contract.ts';
import type { RateLimits } from '../../rate-limit/contract.ts';
import type { EmailAddress, User, UserService } from '../../users/contract.ts';
import type { EmailLinkService, WayIn, WaysIn } from '../contract.ts';
import { userOfLink } from '../known-user.ts';
import { LEAST } from '../least-time.ts';
import type { Letters } from '../letters.ts';
import type { Links } from '../links.ts';
import type { LinkRow } from '../model.ts';
import { problems } from '../problems.ts';
import type { Tell } from '../tell.ts';
import { emailAddress } from '../typed-address.ts';

export interface PasswordResetDependencies {
  readonly users: UserService;
  readonly limits: Pick<RateLimits, 'mail'>;
  readonly links: Links;
  readonly letters: Letters;
  readonly mails: MailService;
  readonly tell: Tell;
  /** Resolves after so many milliseconds. */
  readonly ways: WaysIn;
  readonly wait: (milliseconds: number) => Promise<unknown>;
}

/** No user's id. */
const NOBODY = '00000000-0000-0000-0000-000000000000';

/** A new password for who forgot the former one, or never had one. */
export function createPasswordReset(dependencies: PasswordResetDependencies) {
  const { users, limits, links, letters, mails, tell, ways, wait } = dependencies;

  const sendIfKnown = async ({ address: email, key }: EmailAddress): Promise<void> => {
    const mayMail = await limits.mail('reset', key);
    const user = await users.findByEmail(email);
    // Asked for nobody as well, so that both take the same time.
    const shown = await ways.list(user?.id ?? NOBODY);
    const isSent = user !== undefined && !user.disabledAt && mayMail;
    await links.deliver({
      link: isSent
        ? {
            purpose: 'password-reset',
            user_id: user.id,
            email: user.emailCanonical,
            roles_ver: user.rolesVersion,
          }
        : undefined,
      mail: (url) =>
        letters.resetPassword(user ?? { email, name: null, emailVerified: false }, url, shown),
      isSent,
    });
  };

  const passwordChanged: EmailLinkService['passwordChanged'] = (user, transaction) =>
    tell(user, letters.passwordChanged(user), transaction);

  return {
    passwordChanged,

    /** Says nothing of who has the address, by its time either. Throws `email-links:mail-disabled`, `users:invalid-email`. */
    async forgot(email: string): Promise<void> {
      if (!mails.enabled) throw problems.mailDisabled();
      await Promise.all([sendIfKnown(emailAddress(email)), wait(LEAST)]);
    },

    waysIn: async (link: LinkRow): Promise<readonly WayIn[]> =>
      link.user_id ? ways.list(link.user_id) : [],

    /**
     * Ends every session, and takes away the ways in of these ids; whose password it is. Throws `email-links:link-invalid`,
     * `users:password-rejected`, `users:busy`.
     */
    async reset(link: LinkRow, next: string, removed: readonly string[]): Promise<User> {
      const user = await users.find(link.user_id ?? '');
      if (!user) throw problems.linkInvalid();
      await users.resetPassword(userOfLink(link), next, {
        alongside: async (transaction) => {
          await links.consume(link, transaction);
          await mails.enqueue(letters.passwordChanged(user), transaction);
          if (removed.length > 0) await ways.remove(user, removed, transaction);
        },
      });
      return user;
    },
  };
}
