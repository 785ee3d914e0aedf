import { defineProblems } from '../../kernel/problem.ts';

export const problems = defineProblems('users', {
  invalidEmail: { status: 400, title: 'The e-mail address is not valid' },
  invalidProfile: { status: 400, title: 'The profile is not valid' },
  passwordRejected: { status: 400, title: 'This password cannot be used' },
  passwordChangedMeanwhile: {
    status: 409,
    title: 'The password was changed by another request',
  },
  changedMeanwhile: { status: 409, title: 'The user was changed by another request' },
  emailTaken: { status: 409, title: 'There is already a user with this e-mail address' },
  notFound: { status: 404, title: 'There is no such user' },
  beingDeleted: { status: 409, title: 'This user is being deleted' },
  lastSuperuser: {
    status: 409,
    title: 'The last active superuser cannot be disabled or deleted',
    detail: 'Make somebody else a superuser first.',
  },
  busy: {
    status: 503,
    title: 'The server is busy',
    detail: 'Too many passwords are being checked at the moment. Try again in a second.',
    retryAfter: 1,
    isOverload: true,
  },
});
