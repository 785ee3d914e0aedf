/** What the mails say: plain paragraphs, of which the text and the HTML form are made. */
import type { MailTemplates } from './contract.ts';

export interface MailText {
  readonly subject: string;
  readonly paragraphs: readonly (string | { readonly link: string; readonly label: string })[];
}

type Texts = {
  readonly [Template in keyof MailTemplates]: (
    locals: MailTemplates[Template],
    product: string,
  ) => MailText;
};

const hello = ({ name }: { readonly name: string }): string => (name ? `Hello ${name},` : 'Hello,');
const accountAt = ({ provider, detail }: { readonly provider: string; readonly detail: string }) =>
  `account at ${provider}${detail && ` (${detail})`}`;
const lasting = (hours: number): string =>
  `The link works once, for ${hours === 1 ? 'one hour' : `${hours} hours`}.`;
const NOT_YOU = 'If this was not you, you can ignore this message.';

export const texts: Texts = {
  'verify-email': (locals, product) => ({
    subject: `Confirm your address for ${product}`,
    paragraphs: [
      hello(locals),
      `Somebody, probably you, registered this address with ${product}. Please confirm that it is yours:`,
      { link: locals.url, label: 'Confirm the address' },
      lasting(locals.hours),
      'If this was not you, you can ignore this message, and the address stays unconfirmed. Or follow the link and choose a password of your own: the account is yours then, and the person who registered it is signed out.',
      'Never enter a password there that somebody else gave you.',
    ],
  }),
  'already-registered': (locals, product) => ({
    subject: `You have an account with ${product} already`,
    paragraphs: [
      hello(locals),
      `Somebody, probably you, tried to register this address with ${product}, where it has an account already. Nothing was changed.`,
      'If you have forgotten your password, set a new one:',
      { link: locals.url, label: 'Set a new password' },
      NOT_YOU,
    ],
  }),
  'reset-password': (locals, product) => ({
    subject: `Set a new password for ${product}`,
    paragraphs: [
      hello(locals),
      `Somebody asked for a new password for your account with ${product}. To set one, follow this link:`,
      { link: locals.url, label: 'Set a new password' },
      lasting(locals.hours),
      ...(locals.ways
        ? [
            `You can also sign in to your account with these, and still can after a reset unless you disconnect them on the page of the link: ${locals.ways}.`,
          ]
        : []),
      `${NOT_YOU} Your password stays as it is.`,
    ],
  }),
  'password-changed': (locals, product) => ({
    subject: `Your password for ${product} was changed`,
    paragraphs: [
      hello(locals),
      `The password of your account with ${product} was changed just now. Every other device and every application was signed out.`,
      'If this was not you, set a new one at once:',
      { link: locals.url, label: 'Set a new password' },
    ],
  }),
  'change-email': (locals, product) => ({
    subject: `Confirm your new e-mail address for ${product}`,
    paragraphs: [
      hello(locals),
      `Please confirm that this is to be the new address of your account with ${product}.`,
      { link: locals.url, label: 'Confirm the new address' },
      `${lasting(locals.hours)} Until you confirm it, the former address stays.`,
      NOT_YOU,
    ],
  }),
  'email-change-requested': (locals, product) => ({
    subject: `A new e-mail address was asked for at ${product}`,
    paragraphs: [
      hello(locals),
      `Somebody who knows your password asked to change the e-mail address of your account with ${product}. It changes once the new address is confirmed.`,
      'If this was not you, change your password now: that cancels the request.',
    ],
  }),
  'email-changed': (locals, product) => ({
    subject: `Your e-mail address for ${product} was changed`,
    paragraphs: [
      hello(locals),
      `The e-mail address of your account with ${product} was changed. This one is no longer used.`,
      'If this was not you, tell the operator of this service at once.',
    ],
  }),
  'identity-connected': (locals, product) => ({
    subject: `${locals.provider} was connected to your account with ${product}`,
    paragraphs: [
      hello(locals),
      `From now on the ${accountAt(locals)} can be used to sign in to your account with ${product}.`,
      'If this was not you, set a new password at once and disconnect it on the same page:',
      { link: locals.url, label: 'Set a new password' },
    ],
  }),
  'identity-disconnected': (locals, product) => ({
    subject: `${locals.provider} was disconnected from your account with ${product}`,
    paragraphs: [
      hello(locals),
      `The ${accountAt(locals)} can no longer be used to sign in to your account with ${product}.`,
      'If this was not you, set a new password at once, which signs out every device:',
      { link: locals.url, label: 'Set a new password' },
    ],
  }),
  'new-sign-in': (locals, product) => ({
    subject: `New sign-in to ${product}`,
    paragraphs: [
      hello(locals),
      `Somebody signed in to your account with ${product} on a new device: ${locals.device}, ${locals.time}.`,
      'If this was you, you can ignore this message. If not, set a new password at once, which signs out every device:',
      { link: locals.url, label: 'Set a new password' },
    ],
  }),
};
