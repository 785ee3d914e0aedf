import { type Admit, access, defineRoute, type Route } from '../../kernel/route.ts';
import { userProblems } from '../users/contract.ts';
import { problems } from './problems.ts';
import { Credentials, ProfileChanges, Reauthentication, SignedIn, User } from './schemas.ts';
import type { AccountService, SignedIn as SignedInResult } from './service.ts';
import { userBody } from './user-body.ts';

const isoTime = (seconds: number): string => new Date(seconds * 1000).toISOString();

const signedInReply = ({ profile, pair, cookies }: SignedInResult) => ({
  cookies,
  body: {
    user: userBody(profile),
    access_token_expires_at: isoTime(pair.accessExpiresAt),
    refresh_token_expires_at: isoTime(pair.refreshExpiresAt),
  },
});

/** `/auth`: the cookie REST API. */
export const createRoutes = (account: AccountService, admit: Admit): readonly Route[] => [
  defineRoute({
    method: 'post',
    path: '/auth/login',
    access: access.public,
    rateLimit: 'sign-in',
    admit,
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
    problems: [problems.refreshRejected, problems.refreshForeign],
    handle: async ({ request }) => signedInReply(await account.refresh(request)),
  }),
  defineRoute({
    method: 'post',
    path: '/auth/logout',
    access: access.public,
    summary: 'Sign out of this session, here and at every client',
    success: { status: 204 },
    problems: [],
    handle: async ({ request }) => ({ cookies: await account.logout(request) }),
  }),
  defineRoute({
    method: 'post',
    path: '/auth/reauthenticate',
    access: access.own(access.user()),
    rateLimit: 'sign-in',
    admit,
    summary: 'Prove the password again; renews auth_time and the cookies',
    body: Reauthentication,
    success: { status: 204 },
    problems: [problems.invalidCredentials, userProblems.busy],
    handle: async ({ body, principal, request }) => ({
      cookies: await account.reauthenticate(principal, body.password, request),
    }),
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
