import type { CoreSettings } from '../../kernel/plugin.ts';
import { type Admit, access, defineRoute, type Route } from '../../kernel/route.ts';
import { CheckMail } from '../email-links/contract.ts';
import { userProblems } from '../users/contract.ts';
import { problems } from './problems.ts';
import { Registered, Registration, RegistrationByMail } from './schemas.ts';
import type { AccountService } from './service.ts';
import { userBody } from './user-body.ts';

const REGISTER = {
  method: 'post',
  path: '/auth/register',
  access: access.public,
  rateLimit: 'register',
} as const;

const REFUSED = [
  problems.registrationClosed,
  userProblems.invalidEmail,
  userProblems.invalidProfile,
];

/** REGISTRATION=strict: one answer for new and taken addresses, from which nobody learns which it was (SEC-16). */
const registerByMail = (account: AccountService): Route =>
  defineRoute({
    ...REGISTER,
    body: RegistrationByMail,
    summary:
      'Ask for an account; a link mailed to the address creates it, with the password that is chosen there',
    success: { status: 202, schema: CheckMail },
    problems: REFUSED,
    async handle({ body }) {
      await account.register(body);
      return { body: { status: 'check-mail' as const } };
    },
  });

const registerAtOnce = (account: AccountService, admit: Admit): Route =>
  defineRoute({
    ...REGISTER,
    body: Registration,
    admit,
    summary: 'Create an account',
    success: { status: 201, schema: Registered },
    problems: [
      ...REFUSED,
      userProblems.passwordRejected,
      userProblems.busy,
      userProblems.emailTaken,
    ],
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
): Route => (registration === 'strict' ? registerByMail(account) : registerAtOnce(account, admit));
