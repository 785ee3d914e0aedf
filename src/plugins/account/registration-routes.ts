import type { CoreSettings } from '../../kernel/plugin.ts';
import { type Admit, access, defineRoute, type Route } from '../../kernel/route.ts';
import { CheckMail } from '../email-links/contract.ts';
import { userProblems } from '../users/contract.ts';
import { problems } from './problems.ts';
import { Registered, Registration } from './schemas.ts';
import type { AccountService } from './service.ts';
import { userBody } from './user-body.ts';

const REGISTER = {
  method: 'post',
  path: '/auth/register',
  access: access.public,
  rateLimit: 'register',
  body: Registration,
} as const;

const REFUSED_REGISTRATIONS = [
  problems.registrationClosed,
  userProblems.invalidEmail,
  userProblems.invalidProfile,
  userProblems.passwordRejected,
  userProblems.busy,
];

/** REGISTRATION=strict: one answer for new and taken addresses, from which nobody learns which it was (SEC-16). */
const registerByMail = (account: AccountService, admit: Admit): Route =>
  defineRoute({
    ...REGISTER,
    admit,
    summary: 'Ask for an account; a link mailed to the address creates it',
    success: { status: 202, schema: CheckMail },
    problems: REFUSED_REGISTRATIONS,
    async handle({ body }) {
      await account.register(body);
      return { body: { status: 'check-mail' as const } };
    },
  });

const registerAtOnce = (account: AccountService, admit: Admit): Route =>
  defineRoute({
    ...REGISTER,
    admit,
    summary: 'Create an account',
    success: { status: 201, schema: Registered },
    problems: [...REFUSED_REGISTRATIONS, userProblems.emailTaken],
    async handle({ body }) {
      const profile = await account.register(body);
      if (!profile) throw problems.registrationClosed();
      return { body: { user: userBody(profile) } };
    },
  });

/** `POST /auth/register`, as REGISTRATION says. */
export const createRegistrationRoute = (
  account: AccountService,
  { registration, admit }: Pick<CoreSettings, 'registration'> & { readonly admit: Admit },
): Route =>
  registration === 'strict' ? registerByMail(account, admit) : registerAtOnce(account, admit);
