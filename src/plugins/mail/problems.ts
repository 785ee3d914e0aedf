import { defineProblems } from '../../kernel/problem.ts';

export const problems = defineProblems('mail', {
  notFound: { status: 404, title: 'There is no such mail' },
  notRetryable: { status: 409, title: 'Only a failed or uncertain mail can be sent again' },
});
