import { defineProblems } from '../../kernel/problem.ts';

export const problems = defineProblems('email-links', {
  /** One answer for unknown, expired, used, of another purpose, and overtaken by a change of the user. */
  linkInvalid: {
    status: 410,
    title: 'This link does not work any more',
    detail: 'It was used already, has expired, or is not complete. Ask for a new one.',
  },
  /** The link alone is not enough: `errors` names what may come with it. */
  passwordRequired: {
    status: 400,
    title: 'A password is needed with this link',
  },
  passwordWrong: {
    status: 403,
    title: 'The password is wrong',
    detail:
      'It is not the one that was chosen when this address was registered. You can choose a new one.',
  },
  mailDisabled: {
    status: 409,
    title: 'This service sends no mail',
    detail: 'Ask whoever runs it for help.',
  },
  signInFirst: {
    status: 401,
    title: 'Sign in first',
    detail: 'Sign in where you use this account, then open this page again.',
  },
});
