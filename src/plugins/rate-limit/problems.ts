import { defineProblems } from '../../kernel/problem.ts';

export const problems = defineProblems('rate-limit', {
  tooManyRequests: { status: 429, title: 'Too many requests' },
  tooManyAttempts: { status: 429, title: 'Too many attempts to sign in' },
});
