import type { CoreSettings } from '../../kernel/plugin.ts';
import { access, defineRoute, type Route } from '../../kernel/route.ts';
import { userProblems } from '../users/contract.ts';
import { problems } from './problems.ts';
import {
  CheckMail,
  Credentials,
  ProfileChanges,
  Reauthentication,
  Registered,
  Registration,
  SignedIn,
  User,
} from './schemas.ts';
import type { AccountService, Profile, SignedIn as SignedInResult } from './service.ts';

const userBody = ({ user, roles }: Profile) => ({
  id: user.id,
  email: user.email,
  email_verified: user.emailVerified,
  name: user.name,
  locale: user.locale,
  roles: [...roles],
  created_at: user.createdAt.toISOString(),
});

const isoTime = (seconds: number): string => new Date(seconds * 1000).toISOString();

const signedInReply = ({ profile, pair, cookies }: SignedInResult) => ({
  cookies,
  body: {
    user: userBody(profile),
    access_token_expires_at: isoTime(pair.accessExpiresAt),
    refresh_token_expires_at: isoTime(pair.refreshExpiresAt),
  },
});

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
const registerByMail = (account: AccountService): Route =>
  defineRoute({
    ...REGISTER,
    summary: 'Ask for an account; a link mailed to the address creates it',
    success: { status: 202, schema: CheckMail },
    problems: REFUSED_REGISTRATIONS,
    async handle({ body }) {
      await account.register(body);
      return { body: { status: 'check-mail' as const } };
    },
  });

const registerAtOnce = (account: AccountService): Route =>
  defineRoute({
    ...REGISTER,
    summary: 'Create an account',
    success: { status: 201, schema: Registered },
    problems: [...REFUSED_REGISTRATIONS, userProblems.emailTaken],
    async handle({ body }) {
      const profile = await account.register(body);
      if (!profile) throw problems.registrationClosed();
      return { body: { user: userBody(profile) } };
    },
  });

/** `/auth`: the cookie REST API. */
export const createRoutes = (
  account: AccountService,
  registration: CoreSettings['registration'],
): readonly Route[] => [
  registration === 'strict' ? registerByMail(account) : registerAtOnce(account),
  defineRoute({
    method: 'post',
    path: '/auth/login',
    access: access.public,
    rateLimit: 'sign-in',
    summary: 'Sign in with e-mail and password',
    body: Credentials,
    success: { status: 200, schema: SignedIn },
    problems: [problems.invalidCredentials, userProblems.busy],
    handle: async ({ body, request }) =>
      signedInReply(await account.login(body.email, body.password, request)),
  }),
  defineRoute({
    method: 'post',
    path: '/auth/refresh',
    access: access.public,
    summary: 'Exchange the refresh cookie for new cookies',
    success: { status: 200, schema: SignedIn },
    problems: [problems.refreshRejected],
    handle: async ({ request }) => signedInReply(await account.refresh(request)),
  }),
  defineRoute({
    method: 'post',
    path: '/auth/logout',
    access: access.public,
    summary: 'Sign out of this session, here and at every client',
    success: { status: 204 },
    problems: [],
    handle: async ({ request }) => ({
      cookies: await account.logout(request),
      headers: { 'Clear-Site-Data': '"storage"' },
    }),
  }),
  defineRoute({
    method: 'post',
    path: '/auth/reauthenticate',
    access: access.user(),
    rateLimit: 'sign-in',
    summary: 'Prove the password again; renews auth_time',
    body: Reauthentication,
    success: { status: 204 },
    problems: [problems.invalidCredentials, userProblems.busy],
    handle: async ({ body, principal }) => {
      await account.reauthenticate(principal, body.password);
      return {};
    },
  }),
  defineRoute({
    method: 'get',
    path: '/auth/me',
    access: access.user(),
    summary: 'The signed-in user',
    success: { status: 200, schema: User },
    problems: [problems.refreshRejected],
    handle: async ({ principal }) => ({ body: userBody(await account.profile(principal.sub)) }),
  }),
  defineRoute({
    method: 'patch',
    path: '/auth/me',
    access: access.user(),
    summary: 'Change name or locale',
    body: ProfileChanges,
    success: { status: 200, schema: User },
    problems: [userProblems.notFound, userProblems.invalidProfile],
    handle: async ({ principal, body }) => ({
      body: userBody(await account.updateProfile(principal.sub, body)),
    }),
  }),
];
