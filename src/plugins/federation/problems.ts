import { defineProblems, type ProblemType } from '../../kernel/problem.ts';

/** Texts are for people: pages show them. */
export const problems = defineProblems('federation', {
  unknownProvider: {
    status: 404,
    title: 'This way to sign in is not available',
    detail: 'It was switched off, or never existed. Choose another way to sign in.',
  },
  invalidReturnTo: {
    status: 400,
    title: 'The address to return to is not allowed',
    detail: 'return_to must be a path of this server, or a URL of an allowed origin.',
  },
  stateInvalid: {
    status: 400,
    title: 'This sign-in is no longer valid',
    detail:
      'It was used already, took longer than 10 minutes, or was begun in another browser. Start again.',
  },
  cancelled: {
    status: 403,
    title: 'You did not finish signing in',
    detail: 'The other provider told us that access was denied. Nothing was changed.',
  },
  rejected: {
    status: 502,
    title: 'The answer of the other provider cannot be trusted',
    detail:
      'We could not verify who you are, so nobody was signed in. Try again, or sign in another way.',
  },
  unavailable: {
    status: 502,
    title: 'The other provider cannot be reached',
    detail: 'This is not your fault. Try again in a minute, or sign in another way.',
  },
  timeout: {
    status: 504,
    title: 'The other provider does not answer',
    detail: 'This is not your fault. Try again in a minute, or sign in another way.',
  },
  notAdmitted: {
    status: 403,
    title: 'This account is not admitted here',
    detail: 'Sign in with another account of the same provider, or another way.',
  },
  notProven: {
    status: 403,
    title: 'The other provider did not say that you signed in just now',
    detail:
      'You were asked to prove again who you are. Sign in there anew if it lets you; otherwise use your password here, which you can also set by mail.',
  },
  emailUnverified: {
    status: 403,
    title: 'Your address is not confirmed there',
    detail:
      'The other provider did not confirm that your e-mail address is yours, so we cannot rely on it. Confirm it there, or sign in another way.',
  },
  accountUnverified: {
    status: 409,
    title: 'There is an account with your address that nobody has confirmed',
    detail:
      'Somebody registered here with your e-mail address but never proved that it is theirs, so we do not join the two. If it is yours, sign in with its password and confirm the address; if not, ask for a new password: that makes it yours.',
  },
  accountUnavailable: {
    status: 403,
    title: 'You cannot sign in with this account',
    detail: 'The account exists but may not be used. Ask whoever runs this service.',
  },
  registrationClosed: {
    status: 403,
    title: 'There is no account for you here',
    detail: 'New accounts are not open to everybody. Ask whoever runs this service.',
  },
  linkRequired: {
    status: 409,
    title: 'There is an account with this e-mail address already',
    detail: 'Sign in to it first, then connect the other one.',
  },
  linkUnverified: {
    status: 409,
    title: 'Both addresses must be confirmed first',
    detail:
      'An account of another provider can be connected once the e-mail address here is confirmed, and the one there as well.',
  },
  identityTaken: {
    status: 409,
    title: 'It is connected to another account',
    detail: 'That account of the other provider already belongs to somebody here.',
  },
  alreadyLinked: {
    status: 409,
    title: 'Another account of this provider is connected',
    detail: 'Disconnect that one first.',
  },
  notLinked: { status: 404, title: 'No account of this provider is connected' },
  lastWayIn: {
    status: 409,
    title: 'This is your only way to sign in',
    detail: 'Set a password or connect another provider first.',
  },
  nothingToRevoke: {
    status: 409,
    title: 'There is nothing to give back',
    detail: 'No tokens of this provider are kept for you, or it cannot take them back.',
  },
});

/** What any call to a provider may end with. */
export const UPSTREAM = [problems.unavailable, problems.timeout, problems.rejected] as const;

/** The problem with this `type`; what is none of ours is an answer that cannot be trusted. */
export const problemOfType = (type: string): ProblemType =>
  Object.values<ProblemType>(problems).find((one) => one.type === type) ?? problems.rejected;
