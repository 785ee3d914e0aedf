import { defineProblems } from '../../kernel/problem.ts';

export const problems = defineProblems('consent', {
  nothingToAllow: {
    status: 400,
    title: 'There is nothing to allow here',
    detail: 'Please go back to the application and start again.',
  },
  notFound: { status: 404, title: 'You have allowed this application nothing' },
  partyGone: {
    status: 409,
    title: 'The account or the application no longer exists',
  },
});
