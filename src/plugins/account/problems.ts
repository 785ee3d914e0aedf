import { defineProblems } from '../../kernel/problem.ts';

const OURS = ['session', 'access', 'refresh'] as const;

export const problems = defineProblems('account', {
  /** One answer for unknown, wrong and disabled (SEC-14). */
  invalidCredentials: {
    status: 401,
    title: 'E-mail or password is wrong',
    challenge: 'Cookie realm="auth"',
  },
  refreshRejected: {
    status: 401,
    title: 'Sign in again',
    detail: 'The refresh token is missing, expired or no longer valid.',
    challenge: 'Cookie realm="auth"',
    clearCookies: OURS,
  },
  invalidCursor: { status: 400, title: 'The cursor is not one of ours' },
  sessionNotFound: { status: 404, title: 'There is no such session' },
  registrationClosed: { status: 403, title: 'Registration is closed' },
});
