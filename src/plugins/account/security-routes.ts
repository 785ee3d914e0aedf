import { type Admit, access, defineRoute, type Principal, type Route } from '../../kernel/route.ts';
import type { SessionInfo, SignInRecord } from '../sessions/contract.ts';
import { userProblems } from '../users/contract.ts';
import { problems } from './problems.ts';
import {
  EmailChange,
  EmailChanged,
  HistoryPage,
  HistoryQuery,
  PasswordChange,
  SessionId,
  SessionList,
} from './schemas.ts';
import type { SecurityService } from './security.ts';

/** `access.user` lets nobody through without a session. */
const callerOf = ({ sub, sid = '', clientId }: Principal) => ({ sub, sid, clientId });

const sessionBody = (session: SessionInfo, current: string) => ({
  id: session.id,
  device: session.device,
  ip: session.ip,
  created_at: session.createdAt.toISOString(),
  last_seen: session.lastSeen.toISOString(),
  current: session.id === current,
  clients: [...session.clients],
});

const recordBody = (record: SignInRecord) => ({
  auth_date: record.authDate.toISOString(),
  logout_date: record.logoutDate?.toISOString() ?? null,
  device: record.device,
  ip: record.ip,
  method: record.method,
});

/** `/auth/password`, `/auth/email`, `/auth/sessions`, `/auth/login-history`. */
export const createSecurityRoutes = (
  security: SecurityService,
  { mailEnabled, admit }: { readonly mailEnabled: boolean; readonly admit: Admit },
): readonly Route[] => [
  defineRoute({
    method: 'put',
    path: '/auth/password',
    access: access.own(access.user()),
    rateLimit: 'sign-in',
    admit,
    summary: 'Change the password; ends everything else, and renews this session',
    body: PasswordChange,
    success: { status: 204 },
    problems: [
      problems.invalidCredentials,
      userProblems.passwordRejected,
      userProblems.passwordChangedMeanwhile,
      userProblems.busy,
    ],
    async handle({ principal, body, request }) {
      const passwords = { current: body.current_password, next: body.new_password };
      return { cookies: await security.changePassword(callerOf(principal), passwords, request) };
    },
  }),
  defineRoute({
    method: 'put',
    path: '/auth/email',
    access: access.own(access.user()),
    rateLimit: mailEnabled ? 'mail' : 'sign-in',
    admit,
    summary: mailEnabled
      ? 'Ask for another e-mail address; a link mailed to it makes the change'
      : 'Change the e-mail address; ends everything else, and renews this session',
    body: EmailChange,
    success: { status: mailEnabled ? 202 : 200, schema: EmailChanged },
    problems: [
      problems.invalidCredentials,
      userProblems.invalidEmail,
      ...(mailEnabled ? [] : [userProblems.emailTaken, userProblems.changedMeanwhile]),
      userProblems.busy,
    ],
    async handle({ principal, body, request }) {
      const { email, current_password: password } = body;
      const change = { email, password };
      const { status, cookies } = await security.changeEmail(callerOf(principal), change, request);
      return { body: { status }, cookies };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/auth/sessions',
    access: access.user(),
    summary: 'The active sessions, newest first',
    success: { status: 200, schema: SessionList },
    problems: [],
    handle: async ({ principal }) => {
      const caller = callerOf(principal);
      const sessions = await security.sessions(caller);
      return { body: { sessions: sessions.map((one) => sessionBody(one, caller.sid)) } };
    },
  }),
  defineRoute({
    method: 'delete',
    path: '/auth/sessions/:id',
    access: access.own(access.user()),
    summary: 'End one session, and all that was given through it',
    params: SessionId,
    success: { status: 204 },
    problems: [problems.sessionNotFound],
    handle: async ({ principal, params }) => {
      await security.endSession(callerOf(principal), params.id);
      return {};
    },
  }),
  defineRoute({
    method: 'delete',
    path: '/auth/sessions',
    access: access.own(access.user()),
    summary: 'End every session but this one, which gets other cookies',
    success: { status: 204 },
    problems: [],
    handle: async ({ principal, request }) => ({
      cookies: await security.endOtherSessions(callerOf(principal), request),
    }),
  }),
  defineRoute({
    method: 'get',
    path: '/auth/login-history',
    access: access.user(),
    summary: 'Past sign-ins, newest first',
    query: HistoryQuery,
    success: { status: 200, schema: HistoryPage },
    problems: [problems.invalidCursor],
    handle: async ({ principal, query }) => {
      const { records, next } = await security.history(callerOf(principal), query);
      return { body: { logins: records.map(recordBody), next_cursor: next } };
    },
  }),
];
