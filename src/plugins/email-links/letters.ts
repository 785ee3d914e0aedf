/** Which mail says what. The texts are those of `views/mail`. */
import type { Mail } from '../mail/contract.ts';
import type { PreparedUser, User } from '../users/contract.ts';

type Addressee = Pick<User, 'email' | 'name'>;

export type Letters = ReturnType<typeof createLetters>;

export function createLetters({ publicUrl }: { readonly publicUrl: string }) {
  const to = (user: Addressee, template: string, locals: Mail['locals'] = {}): Mail => ({
    to: user.email,
    template,
    locals: { name: user.name ?? '', ...locals },
  });

  return {
    verifyEmail: (user: Addressee, url: string) => to(user, 'verify-email', { url, hours: 24 }),
    confirmRegistration: (user: PreparedUser, url: string) =>
      to(user, 'verify-email', { url, hours: 24 }),
    alreadyRegistered: (user: Addressee) =>
      to(user, 'already-registered', { url: `${publicUrl}/auth/password/forgot` }),
    resetPassword: (user: Addressee, url: string) => to(user, 'reset-password', { url, hours: 1 }),
    passwordChanged: (user: Addressee) =>
      to(user, 'password-changed', { url: `${publicUrl}/auth/password/forgot` }),
    emailChangeAsked: (user: Addressee) => to(user, 'email-change-requested'),
    confirmEmailChange: ({ name }: Addressee, email: string, url: string) =>
      to({ email, name }, 'change-email', { url, hours: 1 }),
    emailChanged: (user: Addressee) => to(user, 'email-changed'),
  };
}
