/** Which mail says what. The texts are those of `views/mail`. */
import type { Mail } from '../mail/contract.ts';
import type { User } from '../users/contract.ts';
import type { WayIn } from './contract.ts';

/** Without an id: nobody, yet. */
type Addressee = Pick<User, 'email' | 'name' | 'emailVerified'> & { readonly id?: string };

const inWords = ({ label, detail, since }: WayIn): string =>
  `${label}${detail === null ? '' : ` (${detail})`}, connected on ${since.toISOString().slice(0, 10)}`;

export type Letters = ReturnType<typeof createLetters>;

export function createLetters({ publicUrl }: { readonly publicUrl: string }) {
  const forgotUrl = `${publicUrl}/auth/password/forgot`;

  const of = (
    userId: string | undefined,
    email: string,
    template: string,
    locals: Mail['locals'],
  ): Mail => ({
    to: email,
    userId,
    template,
    locals: { name: '', ...locals },
  });

  /** By name only who is known to read this address: else anybody could have us mail words of theirs to anybody. */
  const toUser = (user: Addressee, template: string, locals: Mail['locals'] = {}): Mail =>
    of(user.id, user.email, template, { ...locals, name: (user.emailVerified && user.name) || '' });

  return {
    /** `id` of the user whose address it is; nobody's yet under REGISTRATION=strict. */
    verifyEmail: (email: string, url: string, id?: string) =>
      of(id, email, 'verify-email', { url, hours: 24 }),
    alreadyRegistered: (user: Addressee) => toUser(user, 'already-registered', { url: forgotUrl }),
    resetPassword: (user: Addressee, url: string, ways: readonly WayIn[]) =>
      toUser(user, 'reset-password', { url, hours: 1, ways: ways.map(inWords).join(', ') }),
    passwordChanged: (user: Addressee) => toUser(user, 'password-changed', { url: forgotUrl }),
    emailChangeAsked: (user: Addressee) => toUser(user, 'email-change-requested'),
    confirmEmailChange: (email: string, url: string, id: string) =>
      of(id, email, 'change-email', { url, hours: 1 }),
    emailChanged: (user: Addressee) => toUser(user, 'email-changed'),
  };
}
