import type { RateLimits } from '../../rate-limit/contract.ts';
import { emailKey, type User, type UserService } from '../../users/contract.ts';
import type { Letters } from '../letters.ts';
import { type LinkProof, provePassword } from '../link-proof.ts';
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

const ERRORS = [
  {
    pointer: '#/password',
    detail: 'The password that was chosen when the address was registered, …',
  },
  {
    pointer: '#/new_password',
    detail: '… or a new one, which replaces it and signs everybody out.',
  },
];

/** A user proves that the address is theirs. */
export function createVerification(dependencies: VerificationDependencies) {
  const { users, limits, links, letters, model, mailEnabled } = dependencies;

  /** The user whose address the link verifies. Throws `email-links:link-invalid`. */
  const userOf = async (link: LinkRow): Promise<User> => {
    const user = await users.find(link.user_id ?? '');
    if (!user || user.disabledAt || user.emailCanonical !== link.email) {
      throw problems.linkInvalid();
    }
    return user;
  };

  const verify = async (link: LinkRow, transaction: Parameters<typeof links.consume>[1]) => {
    await links.consume(link, transaction);
    const isTheirs = await users.verifyEmail(link.user_id ?? '', link.email ?? '', transaction);
    if (!isTheirs) throw problems.linkInvalid();
  };

  /** Whoever registered it chose the former password, and all that was done with it is theirs: it ends (SEC-73). */
  const claim = (link: LinkRow, user: User, newPassword: string): Promise<void> =>
    users.setPassword(user.id, newPassword, {
      by: 'address-claimed',
      alongside: (transaction) => verify(link, transaction),
    });

  /** Nothing more need be shown: it is verified already, or by whom it should be. */
  const isProven = (user: User, userId: string | undefined): boolean =>
    user.emailVerified || user.id === userId;

  return {
    /** False when the address is verified already. Throws `email-links:mail-disabled`. */
    async askToVerify(user: User): Promise<boolean> {
      if (!mailEnabled) throw problems.mailDisabled();
      if (user.emailVerified) return false;
      await links.deliver({
        link: { purpose: 'verify-email', user_id: user.id, email: user.emailCanonical },
        mail: (url) => letters.verifyEmail(user.email, url, user.id),
        isSent: await limits.mail('verify', emailKey(user.email)),
      });
      return true;
    },

    /** Whether the link alone is enough for who is signed in as `userId`. Throws `email-links:link-invalid`. */
    isEnough: async (link: LinkRow, userId: string | undefined): Promise<boolean> =>
      isProven(await userOf(link), userId),

    /**
     * `claimed`: with a new password, and an end of all that was. Throws `email-links:link-invalid`, also when the user has
     * another address by now, `:password-required`, `:password-wrong`, and as `verifyPassword` and `setPassword` of users do.
     */
    async confirmVerification(link: LinkRow, proof: LinkProof): Promise<'verified' | 'claimed'> {
      const user = await userOf(link);
      const { newPassword } = proof;
      if (!isProven(user, proof.userId)) {
        if (newPassword !== undefined) {
          await claim(link, user, newPassword);
          return 'claimed';
        }
        await provePassword(users, user.id, proof, { errors: ERRORS });
      }
      await model.transaction((transaction) => verify(link, transaction));
      return 'verified';
    },
  };
}
