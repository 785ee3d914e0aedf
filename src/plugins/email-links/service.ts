import { ProblemError } from '../../kernel/problem.ts';
import { type User, userProblems } from '../users/contract.ts';
import type { LinkRow } from './model.ts';
import { problems } from './problems.ts';
import { createEmailChange, type EmailChangeDependencies } from './service/email-change.ts';
import { createPasswordReset, type PasswordResetDependencies } from './service/password-reset.ts';
import { createRegistration, type RegistrationDependencies } from './service/registration.ts';
import { createVerification, type VerificationDependencies } from './service/verification.ts';

type Dependencies = EmailChangeDependencies &
  PasswordResetDependencies &
  RegistrationDependencies &
  VerificationDependencies;

export type Confirmed = 'verified' | 'changed' | 'registered';
export type FollowingService = ReturnType<typeof createEmailLinkService>;

/** What somebody else did meanwhile makes a link void; why is nobody's business who holds it. */
const OVERTAKEN = [userProblems.changedMeanwhile.type, userProblems.emailTaken.type];

async function unlessOvertaken<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof ProblemError && OVERTAKEN.includes(error.problem.type)) {
      throw problems.linkInvalid({ cause: error });
    }
    throw error;
  }
}

/** Sends links, shows what they are for, and does it. Purposes are apart: a link does what it was made for, or nothing. */
export function createEmailLinkService(dependencies: Dependencies) {
  const { links, users } = dependencies;
  const registration = createRegistration(dependencies);
  const verification = createVerification(dependencies);
  const change = createEmailChange(dependencies);
  const password = createPasswordReset(dependencies);

  /** Throws `email-links:link-invalid` for a link of another purpose. */
  const confirmLink = async (link: LinkRow, keepSession?: string): Promise<Confirmed> => {
    switch (link.purpose) {
      case 'verify-email':
        await verification.confirmVerification(link);
        return 'verified';
      case 'change-email':
        await change.confirmEmailChange(link, keepSession);
        return 'changed';
      case 'register':
        await registration.confirmRegistration(link);
        return 'registered';
      case 'password-reset':
      case 'decoy':
        throw problems.linkInvalid();
    }
  };

  return {
    find: links.find,
    register: registration.register,
    changeEmail: change.changeEmail,
    passwordChanged: password.passwordChanged,
    forgot: password.forgot,

    /** Whose address is to be verified. False when it is already. */
    async askToVerify(userId: string): Promise<boolean> {
      const user = await users.find(userId);
      if (!user) throw userProblems.notFound();
      return verification.askToVerify(user);
    },

    /** `callerOf` names the session that goes on after a change of address, if it is the same user's. */
    async confirm(
      code: string,
      callerOf: () => Promise<{ readonly uid: string; readonly userId: string } | undefined>,
    ): Promise<Confirmed> {
      const link = await links.find(code);
      const caller = await callerOf();
      const kept = caller?.userId === link.user_id ? caller?.uid : undefined;
      return unlessOvertaken(confirmLink(link, kept));
    },

    async reset(code: string, next: string): Promise<void> {
      const link = await links.find(code);
      if (link.purpose !== 'password-reset') throw problems.linkInvalid();
      return unlessOvertaken(password.reset(link, next));
    },

    /** The user of a session whose address is still to be verified. */
    user: (userId: string): Promise<User | undefined> => users.find(userId),
  };
}
