import type { RateLimits } from '../../rate-limit/contract.ts';
import {
  type User,
  type UserService,
  userProblems,
  type WithNewUser,
} from '../../users/contract.ts';
import { canonicalEmail } from '../canonical-email.ts';
import type { EmailLinkService } from '../contract.ts';
import type { Letters } from '../letters.ts';
import type { Links } from '../links.ts';
import type { LinkRow } from '../model.ts';
import { problems } from '../problems.ts';

export interface RegistrationDependencies {
  readonly users: UserService;
  readonly limits: Pick<RateLimits, 'mail'>;
  readonly links: Links;
  readonly letters: Letters;
  readonly mailEnabled: boolean;
  /** REGISTRATION=strict. */
  readonly isStrict: boolean;
}

/** Registers at once, or, under REGISTRATION=strict, once a link mailed to the address is followed. */
export function createRegistration(dependencies: RegistrationDependencies) {
  const { users, limits, links, letters, mailEnabled, isStrict } = dependencies;

  /** Nothing here differs between a new address and a taken one, but what the mail says (SEC-16). */
  const registerStrictly = async (registration: Parameters<UserService['prepare']>[0]) => {
    const prepared = await users.prepare(registration);
    const { email, emailCanonical } = prepared;
    const mayMail = await limits.mail('register', emailCanonical);
    const owner = await users.findByEmail(emailCanonical);
    await links.deliver({
      link: owner
        ? undefined
        : {
            purpose: 'register',
            new_email: email,
            new_email_canonical: emailCanonical,
            payload: prepared,
          },
      mail: (url) => (owner ? letters.alreadyRegistered(owner) : letters.verifyEmail(email, url)),
      isSent: mayMail && !owner?.disabledAt,
    });
  };

  const register: EmailLinkService['register'] = async (registration) => {
    if (isStrict) {
      await registerStrictly(registration);
      return undefined;
    }
    const prepared = await users.prepare(registration);
    // Not sent when there were too many: the user may ask for one (`POST /auth/email/verify`).
    const mayMail = mailEnabled && (await limits.mail('register', prepared.emailCanonical));
    const alongside: WithNewUser = async ({ id, email }, transaction) => {
      const link = { purpose: 'verify-email', user_id: id, email: canonicalEmail(email) } as const;
      await links.send(link, (url) => letters.verifyEmail(email, url), transaction);
    };
    const options = { emailVerified: false, ...(mayMail && { alongside }) };
    const user = await users.create(prepared, options);
    if (!user) throw userProblems.emailTaken();
    return user;
  };

  return {
    register,

    /** Makes the user that a link of purpose `register` keeps. Throws `email-links:link-invalid`. */
    async confirmRegistration(link: LinkRow): Promise<User> {
      if (!link.payload) throw problems.linkInvalid();
      const user = await users.create(link.payload, {
        emailVerified: true,
        alongside: (_user, transaction) => links.consume(link, transaction),
      });
      if (!user) throw problems.linkInvalid();
      return user;
    },
  };
}
