/** What the last page says came of it. */
import type { PageReply } from '../../kernel/route.ts';

const TEXTS = {
  'reset-sent': [
    'Check your mail',
    'If there is an account with this address, we sent it a link to choose a new password. It works for one hour.',
  ],
  'verification-sent': [
    'Check your mail',
    'We sent you a link. Open it to confirm that the address is yours. It works for 24 hours.',
  ],
  verified: ['Your address is verified', 'Thank you. You can close this page.'],
  claimed: [
    'The account is yours',
    'Your address is verified and your password is set; whoever was signed in before is signed out. Go back to where you came from and sign in.',
  ],
  changed: [
    'Your address is changed',
    'From now on you sign in with the new one. You were signed out everywhere. You can close this page.',
  ],
  'changed-here': [
    'Your address is changed',
    'From now on you sign in with the new one. You were signed out everywhere but in this browser. You can close this page.',
  ],
  registered: [
    'Your account is ready',
    'Go back to where you came from and sign in with your e-mail address and password.',
  ],
  'password-set': [
    'Your password is changed',
    'Go back to where you came from and sign in with the new one. You were signed out everywhere, and applications will ask for your consent again.',
  ],
} as const;

export function donePage(outcome: keyof typeof TEXTS): PageReply {
  const [heading, message] = TEXTS[outcome];
  return { view: 'email-links/done', locals: { heading, message } };
}
