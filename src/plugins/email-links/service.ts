import type { OidcEngine } from '../../kernel/oidc.ts';
import { ProblemError } from '../../kernel/problem.ts';
import type { CookieChange, RequestInfo } from '../../kernel/route.ts';
import type { BrowserSessionService } from '../browser-sessions/contract.ts';
import type { KnownBrowserService } from '../known-browsers/contract.ts';
import { type User, userProblems } from '../users/contract.ts';
import type { LinkProof } from './link-proof.ts';
import type { LinkRow } from './model.ts';
import { problems } from './problems.ts';
import { createEmailChange, type EmailChangeDependencies } from './service/email-change.ts';
import { createPasswordReset, type PasswordResetDependencies } from './service/password-reset.ts';
import { createRegistration, type RegistrationDependencies } from './service/registration.ts';
import { createVerification, type VerificationDependencies } from './service/verification.ts';

type Dependencies = EmailChangeDependencies &
  PasswordResetDependencies &
  RegistrationDependencies &
  VerificationDependencies & {
    readonly oidc: Pick<OidcEngine, 'currentSession'>;
    readonly browsers: Pick<BrowserSessionService, 'startOver'>;
    readonly knownBrowsers: Pick<KnownBrowserService, 'remember'>;
  };

/** What following a link did, and what the browser gets for it. */
export interface Confirmed {
  readonly status: 'verified' | 'claimed' | 'changed' | 'registered';
  readonly cookies: readonly CookieChange[];
}
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
  const { links, users, oidc, browsers, knownBrowsers } = dependencies;
  const registration = createRegistration(dependencies);
  const verification = createVerification(dependencies);
  const change = createEmailChange(dependencies);
  const password = createPasswordReset(dependencies);

  /** Throws `email-links:link-invalid` for a link of another purpose. */
  const confirmLink = async (link: LinkRow, proof: LinkProof): Promise<Confirmed['status']> => {
    switch (link.purpose) {
      case 'verify-email':
        return verification.confirmVerification(link, proof);
      case 'register':
        await registration.confirmRegistration(link, proof);
        return 'registered';
      case 'change-email':
      case 'password-reset':
      case 'decoy':
        throw problems.linkInvalid();
    }
  };

  /** Every session ends; a browser that is signed in as this user goes on with another one, of the same sign-in. */
  const confirmChange = async (
    link: LinkRow,
    said: Omit<LinkProof, 'userId'>,
    request: RequestInfo,
  ): Promise<Confirmed> => {
    const session = await oidc.currentSession(request.exchange);
    const shown = { ...said, userId: session?.userId };
    const { credentialsVersion } = await change.confirmEmailChange(link, shown);
    if (session?.userId !== link.user_id) return { status: 'changed', cookies: [] };
    const { userId, amr, authTime } = session;
    const proof = { amr, authTime, credentialsVersion, request };
    return { status: 'changed', cookies: await browsers.startOver(userId, proof) };
  };

  const follow = async (
    link: LinkRow,
    said: Omit<LinkProof, 'userId'>,
    request: RequestInfo,
  ): Promise<Confirmed> => {
    if (link.purpose === 'change-email') return confirmChange(link, said, request);
    const session = await oidc.currentSession(request.exchange);
    const status = await confirmLink(link, { ...said, userId: session?.userId });
    if (status !== 'claimed') return { status, cookies: [] };
    // As after a reset.
    return { status, cookies: await knownBrowsers.remember({ id: link.user_id ?? '' }, request) };
  };

  return {
    find: links.find,
    /** To other plugins. */
    offered: {
      register: registration.register,
      changeEmail: change.changeEmail,
      passwordChanged: password.passwordChanged,
      waysIn: dependencies.ways.list,
    },
    forgot: password.forgot,

    /** Whose address is to be verified. False when it is already. */
    async askToVerify(userId: string): Promise<boolean> {
      const user = await users.find(userId);
      if (!user) throw userProblems.notFound();
      return verification.askToVerify(user);
    },

    /** Whether following the link needs nothing but the link, in the browser of this request. */
    async isEnough(link: LinkRow, { exchange }: RequestInfo): Promise<boolean> {
      const session = await oidc.currentSession(exchange);
      if (link.purpose === 'change-email') return session?.userId === link.user_id;
      return link.purpose === 'verify-email' && verification.isEnough(link, session?.userId);
    },

    async confirm(
      code: string,
      said: Omit<LinkProof, 'userId'>,
      request: RequestInfo,
    ): Promise<Confirmed> {
      const link = await links.find(code);
      return unlessOvertaken(follow(link, { ...said, request }, request));
    },

    /** What else signs in to the account of a link for a reset. */
    waysIn: password.waysIn,

    /** Who reads the mail has proved to be the owner: the browser is known from now on, by these cookies. */
    async reset(
      code: string,
      next: string,
      request: RequestInfo,
      removed: readonly string[] = [],
    ): Promise<readonly CookieChange[]> {
      const link = await links.find(code);
      if (link.purpose !== 'password-reset') throw problems.linkInvalid();
      const { id } = await unlessOvertaken(password.reset(link, next, removed));
      return knownBrowsers.remember({ id }, request);
    },

    /** The user of a session whose address is still to be verified. */
    user: (userId: string): Promise<User | undefined> => users.find(userId),
  };
}
