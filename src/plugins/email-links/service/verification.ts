import type { RateLimits } from '../../rate-limit/contract.ts';
import type { User, UserService } from '../../users/contract.ts';
import { canonicalEmail } from '../canonical-email.ts';
import type { Letters } from '../letters.ts';
import type { Links } from '../links.ts';
import type { LinkModel, LinkRow } from '../model.ts';
import { problems } from '../problems.ts';

export interface VerificationDependencies {
  readonly users: UserService;
  readonly limits: Pick<RateLimits, 'mail'>;
  readonly links: Links;
  readonly letters: Letters;
  readonly model: Pick<LinkModel, 'transaction'>;
  readonly mailEnabled: boolean;
}

/** Proves that a user reads the mail of the address they registered with. */
export function createVerification(dependencies: VerificationDependencies) {
  const { users, limits, links, letters, model, mailEnabled } = dependencies;

  return {
    /** False when the address is verified already. Throws `email-links:mail-disabled`. */
    async askToVerify(user: User): Promise<boolean> {
      if (!mailEnabled) throw problems.mailDisabled();
      if (user.emailVerified) return false;
      const email = canonicalEmail(user.email);
      await links.deliver({
        link: { purpose: 'verify-email', user_id: user.id, email },
        mail: (url) => letters.verifyEmail(user.email, url),
        isSent: await limits.mail('verify', email),
      });
      return true;
    },

    /** Throws `email-links:link-invalid`, also when the user has another address by now. */
    async confirmVerification(link: LinkRow): Promise<void> {
      await model.transaction(async (transaction) => {
        await links.consume(link, transaction);
        const isTheirs = await users.verifyEmail(link.user_id ?? '', link.email ?? '', transaction);
        if (!isTheirs) throw problems.linkInvalid();
      });
    },
  };
}
