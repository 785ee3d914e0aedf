import { defineProblems } from '../../kernel/problem.ts';

export const problems = defineProblems('sign-in', {
  registrationClosed: {
    status: 403,
    title: 'Registration is closed',
    detail: 'Ask whoever runs this service for an account.',
  },
  cannotSignIn: {
    status: 403,
    title: 'You cannot sign in with this account',
    detail: 'Ask whoever runs this service.',
  },
});
