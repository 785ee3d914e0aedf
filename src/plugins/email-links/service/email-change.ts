import type { MailService } from '../../mail/contract.ts';
import type { RateLimits } from '../../rate-limit/contract.ts';
import {
  type ChangedCredentials,
  type EmailAddress,
  emailKey,
  type User,
  type UserService,
  userProblems,
} from '../../users/contract.ts';
import type { EmailLinkService } from '../contract.ts';
import { knownUser, userOfLink } from '../known-user.ts';
import type { Letters } from '../letters.ts';
import { type LinkProof, provePassword } from '../link-proof.ts';
import type { Links } from '../links.ts';
import type { LinkModel, LinkRow } from '../model.ts';
import { problems } from '../problems.ts';
import type { Tell } from '../tell.ts';
import { emailAddress } from '../typed-address.ts';

export interface EmailChangeDependencies {
  readonly users: UserService;
  readonly limits: Pick<RateLimits, 'mail'>;
  readonly links: Links;
  readonly letters: Letters;
  readonly mails: MailService;
  readonly tell: Tell;
  readonly model: Pick<LinkModel, 'supersede'>;
}

const TOLD = {
  errors: [
    { pointer: '#/password', detail: 'Enter the password of the account that gets this address.' },
  ],
  wrong: 'It is not that of the account that gets this address.',
};

/** A user takes another address: the old one stays until the new one is proven (SEC-11). */
export function createEmailChange(dependencies: EmailChangeDependencies) {
  const { users, limits, links, letters, mails, tell, model } = dependencies;

  /** The answer and its time are the same when somebody else has the address. */
  const askByMail = async (user: User, { address: email, key }: EmailAddress) => {
    const mayMail = await limits.mail('change', key);
    const owner = await users.findByEmail(email);
    await links.deliver({
      alongside: async (transaction) => {
        await model.supersede(user.id, 'change-email', transaction);
        await tell(user, letters.emailChangeAsked(user), transaction);
      },
      link: owner
        ? undefined
        : {
            purpose: 'change-email',
            user_id: user.id,
            email: user.emailCanonical,
            roles_ver: user.rolesVersion,
            new_email: email,
            new_email_canonical: key,
          },
      mail: (url) => letters.confirmEmailChange(email, url, user.id),
      isSent: mayMail && !owner,
    });
  };

  const changeEmail: EmailLinkService['changeEmail'] = async (userId, change) => {
    const to = emailAddress(change.email);
    // Read before the password is checked: a change that comes between makes what follows void (SEC-12).
    const user = await users.find(userId);
    const isRight = await users.verifyPassword(userId, change.password, change.attempt);
    if (!user || !isRight) return 'wrong-password';
    if (to.key === emailKey(user.email)) {
      const detail = 'This is the address you have.';
      throw userProblems.invalidEmail({ errors: [{ pointer: '#/email', detail }] });
    }
    if (mails.enabled) {
      await askByMail(user, to);
      return 'check-mail';
    }
    return users.changeEmail(knownUser(user), { email: change.email, verified: false });
  };

  return {
    changeEmail,

    /**
     * Ends every session. Anybody with an account can have a link for any address mailed: whoever reads that mail shows that
     * the account is theirs too, lest it be another's under their address (D7). Throws `email-links:link-invalid`, and as
     * `provePassword` does.
     */
    async confirmEmailChange(link: LinkRow, proof: LinkProof): Promise<ChangedCredentials> {
      const user = await users.find(link.user_id ?? '');
      // What has changed since makes the link void, and then the password is nobody's business here.
      if (!user || link.new_email === null || user.rolesVersion !== link.roles_ver) {
        throw problems.linkInvalid();
      }
      // Of a version before, whose mail went to what was typed: another address than the one that would be verified (D10).
      if (emailAddress(link.new_email).address !== link.new_email) throw problems.linkInvalid();
      if (proof.userId !== user.id) await provePassword(users, user.id, proof, TOLD);
      const to = { email: link.new_email, verified: true };
      return users.changeEmail(userOfLink(link), to, async (transaction) => {
        await links.consume(link, transaction);
        await tell(user, letters.emailChanged(user), transaction);
      });
    },
  };
}
