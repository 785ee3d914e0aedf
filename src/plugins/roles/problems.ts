import { defineProblems } from '../../kernel/problem.ts';

export const problems = defineProblems('roles', {
  invalidName: { status: 400, title: 'The name of the role is not valid' },
  invalidDescription: { status: 400, title: 'The description of the role is not valid' },
  nameTaken: { status: 409, title: 'There is already a role with this name' },
  noRoom: {
    status: 409,
    title: 'With this role an access token of the user would be too long',
  },
  notFound: { status: 404, title: 'There is no such role' },
  protected: { status: 409, title: 'This role cannot be deleted' },
  ownSuperuser: {
    status: 409,
    title: 'Nobody takes the role from themselves',
    detail: 'Another superuser can.',
  },
  lastSuperuser: {
    status: 409,
    title: 'The role cannot be taken from the last active superuser',
    detail: 'Make somebody else a superuser first.',
  },
});
