import { type Admit, access, defineRoute, type Route } from '../../kernel/route.ts';
import { userProblems } from '../users/contract.ts';
import { problems } from './problems.ts';
import {
  CheckMail,
  Confirmation,
  Confirmed,
  ForgottenPassword,
  PasswordReset,
  VerificationAsked,
} from './schemas.ts';
import type { FollowingService } from './service.ts';

/** `/auth/email/…` and `/auth/password/…`: the same as the pages, in JSON. */
export const createRoutes = (service: FollowingService, admit: Admit): readonly Route[] => [
  defineRoute({
    method: 'post',
    path: '/auth/email/verify',
    access: access.own(access.user()),
    rateLimit: 'mail',
    summary: 'Send a link that verifies the e-mail address',
    success: { status: 202, schema: VerificationAsked },
    problems: [problems.mailDisabled, userProblems.notFound],
    handle: async ({ principal }) => {
      const isSent = await service.askToVerify(principal.sub);
      return { body: { status: isSent ? ('check-mail' as const) : ('verified' as const) } };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/auth/email/confirm',
    access: access.public,
    rateLimit: 'sign-in',
    admit,
    summary:
      'Follow a mailed link: verify an address, change it, or finish a registration. `password`: of the account, or the one that a new one gets; `new_password` replaces that of whoever registered the address',
    body: Confirmation,
    success: { status: 200, schema: Confirmed },
    problems: [
      problems.linkInvalid,
      problems.passwordRequired,
      problems.passwordWrong,
      userProblems.passwordRejected,
      userProblems.invalidProfile,
      userProblems.busy,
    ],
    handle: async ({ body, request }) => {
      const { token, new_password: newPassword, ...said } = body;
      const { status, cookies } = await service.confirm(token, { ...said, newPassword }, request);
      return { body: { status: status === 'claimed' ? 'verified' : status }, cookies };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/auth/password/forgot',
    access: access.public,
    rateLimit: 'mail',
    summary: 'Send a link that resets the password, if there is such a user',
    body: ForgottenPassword,
    success: { status: 202, schema: CheckMail },
    problems: [problems.mailDisabled, userProblems.invalidEmail],
    handle: async ({ body }) => {
      await service.forgot(body.email);
      return { body: { status: 'check-mail' as const } };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/auth/password/reset',
    access: access.public,
    rateLimit: 'sign-in',
    admit,
    summary:
      'Set a new password with a mailed link; ends every session, grant and consent. `remove_identities`: providers whose accounts no longer sign in, of those that the mail names',
    body: PasswordReset,
    success: { status: 204 },
    problems: [problems.linkInvalid, userProblems.passwordRejected, userProblems.busy],
    handle: async ({
      body: { token, new_password: next, remove_identities: removed },
      request,
    }) => ({
      cookies: await service.reset(token, next, request, removed),
    }),
  }),
];
