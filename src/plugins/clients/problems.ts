import { defineProblems } from '../../kernel/problem.ts';

export const problems = defineProblems('clients', {
  invalidMetadata: { status: 400, title: 'The client metadata is not valid' },
  notFound: { status: 404, title: 'There is no such client' },
  hasNoSecret: {
    status: 409,
    title: 'The client has no secret',
    detail: 'It is public, or it authenticates with its own key.',
  },
});
