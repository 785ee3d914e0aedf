import { defineProblems } from '../../kernel/problem.ts';

export const problems = defineProblems('user-admin', {
  invalidCursor: { status: 400, title: 'The cursor is not one of this list' },
  ownAccount: {
    status: 409,
    title: 'Nobody disables or deletes their own account here',
    detail: 'Another superuser can. To delete your own account call DELETE /auth/me.',
  },
});
