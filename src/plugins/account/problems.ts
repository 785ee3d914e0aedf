import { defineProblems } from '../../kernel/problem.ts';

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
  },
  /** Nothing of either session changes: one of them may not be from here (D16). */
  refreshForeign: {
    status: 401,
    title: 'Sign in again',
    detail: 'The refresh token does not belong to the session of this browser.',
    challenge: 'Cookie realm="auth"',
  },
  invalidCursor: { status: 400, title: 'The cursor is not one of ours' },
  sessionNotFound: { status: 404, title: 'There is no such session' },
  registrationClosed: { status: 403, title: 'Registration is closed' },
});
