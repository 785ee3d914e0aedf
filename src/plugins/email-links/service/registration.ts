import type { RateLimits } from '../../rate-limit/contract.ts';
import {
  emailKey,
  parseProfile,
  type User,
  type UserService,
  userProblems,
  type WithNewUser,
} from '../../users/contract.ts';
import type { EmailLinkService, RegistrationRequest } from '../contract.ts';
import { LEAST } from '../least-time.ts';
import type { Letters } from '../letters.ts';
import type { LinkProof } from '../link-proof.ts';
import type { Links } from '../links.ts';
import type { LinkRow } from '../model.ts';
import { problems } from '../problems.ts';
import { emailAddress } from '../typed-address.ts';

export interface RegistrationDependencies {
  readonly users: UserService;
  readonly limits: Pick<RateLimits, 'mail'>;
  readonly links: Links;
  readonly letters: Letters;
  readonly mailEnabled: boolean;
  /** REGISTRATION=strict. */
  readonly isStrict: boolean;
  /** Resolves after so many milliseconds. */
  readonly wait: (milliseconds: number) => Promise<unknown>;
}

const ERRORS = [{ pointer: '#/password', detail: 'Choose the password of the account.' }];

/** Registers at once, or, under REGISTRATION=strict, once a link mailed to the address is followed. */
export function createRegistration(dependencies: RegistrationDependencies) {
  const { users, limits, links, letters, mailEnabled, isStrict, wait } = dependencies;

  /**
   * Nothing here differs between a new address and a taken one, but what the mail says (SEC-16). Who asks chooses no password:
   * they may be anybody (SEC-73).
   */
  const registerStrictly = async ({ email, name, locale }: RegistrationRequest): Promise<void> => {
    const { address, key } = emailAddress(email);
    const { profile, errors } = parseProfile({ name, locale });
    if (errors.length > 0) throw userProblems.invalidProfile({ errors });
    const mayMail = await limits.mail('register', key);
    const owner = await users.findByEmail(address);
    const payload = {
      email: address,
      passwordHash: null,
      name: profile.name ?? null,
      locale: profile.locale ?? null,
    };
    await links.deliver({
      link: owner
        ? undefined
        : { purpose: 'register', new_email: address, new_email_canonical: key, payload },
      mail: (url) => (owner ? letters.alreadyRegistered(owner) : letters.verifyEmail(address, url)),
      isSent: mayMail && !owner?.disabledAt,
    });
  };

  const register: EmailLinkService['register'] = async (registration) => {
    if (isStrict) {
      await Promise.all([registerStrictly(registration), wait(LEAST)]);
      return undefined;
    }
    const prepared = await users.prepare({
      ...registration,
      password: registration.password ?? '',
    });
    // Not sent when there were too many: the user may ask for one (`POST /auth/email/verify`).
    const mayMail = mailEnabled && (await limits.mail('register', emailKey(prepared.email)));
    const alongside: WithNewUser = async ({ id, email, emailCanonical }, transaction) => {
      const link = { purpose: 'verify-email', user_id: id, email: emailCanonical } as const;
      await links.send(link, (url) => letters.verifyEmail(email, url, id), transaction);
    };
    const options = { emailVerified: false, ...(mayMail && { alongside }) };
    const user = await users.create(prepared, options);
    if (!user) throw userProblems.emailTaken();
    return user;
  };

  return {
    register,

    /**
     * Makes the user of a link of purpose `register`, with the password of who follows it. Those of a version before keep the
     * hash of another, chosen by whoever asked: it is not looked at. Throws `email-links:link-invalid`,
     * `:password-required`, and as `Users.prepare` does.
     */
    async confirmRegistration(link: LinkRow, { name, ...proof }: LinkProof): Promise<User> {
      const { new_email: email, payload } = link;
      if (!payload || email === null) throw problems.linkInvalid();
      const password = proof.password ?? proof.newPassword;
      if (password === undefined) throw problems.passwordRequired({ errors: ERRORS });
      const called = name ?? payload.name;
      const prepared = await users.prepare({
        ...{ email, password },
        ...(called && { name: called }),
        ...(payload.locale !== null && { locale: payload.locale }),
      });
      const user = await users.create(prepared, {
        emailVerified: true,
        alongside: (_user, transaction) => links.consume(link, transaction),
      });
      if (!user) throw problems.linkInvalid();
      return user;
    },
  };
}
