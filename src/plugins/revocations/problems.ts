import { defineProblems } from '../../kernel/problem.ts';

export const problems = defineProblems('revocations', {
  tooManyStreams: {
    status: 429,
    title: 'This client has too many streams open',
    detail: 'Close some, or share one between the parts of your service.',
    retryAfter: 10,
  },
});
