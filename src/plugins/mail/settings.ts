import { z } from 'zod';
import { asciiDomain, checkUrlPassword } from '../../kernel/addresses.ts';

const PROTOCOLS = ['smtp:', 'smtps:'];

const isSmtpUrl = (text: string): boolean =>
  URL.canParse(text) && PROTOCOLS.includes(new URL(text).protocol) && new URL(text).hostname !== '';

/** What is wrong with the rest of it. Quotes nothing: it may be a piece of the password. */
function checkSmtpUrl(text: string): string | undefined {
  const { pathname, hash, username, password } = new URL(text);
  const fault = checkUrlPassword(text);
  if (fault !== undefined) return fault;
  if (!['', '/'].includes(pathname) || hash !== '') return 'must have neither path nor fragment';
  return (username === '') === (password === '')
    ? undefined
    : 'must have a user name and a password, or neither';
}

/** `Name <address>` or an address alone; nothing that could begin another header or a list. */
const SENDER =
  /^(?:[^<>@,;"\p{Cc}]{1,100} <[^\s<>@,;"]+@[^\s<>@,;"]+>|[^\s<>@,;"]+@[^\s<>@,;"]+)$/u;

/** Whether every server takes it: ASCII before the `@`, and a domain that DNS can have. */
function isSendable(sender: string): boolean {
  const address = /<(.+)>$/.exec(sender)?.[1] ?? sender;
  const at = address.lastIndexOf('@');
  return /^[!-~]+$/.test(address.slice(0, at)) && asciiDomain(address.slice(at + 1)) !== undefined;
}

export const settings = z.object({
  SMTP_URL: z
    .string()
    .refine(isSmtpUrl, { error: 'must be a URL that starts with smtp:// or smtps://', abort: true })
    .superRefine((text, context) => {
      const fault = checkSmtpUrl(text);
      if (fault !== undefined) context.addIssue(fault);
    })
    .optional()
    .meta({ secret: true })
    .describe(
      'SMTP server that mails go to, e.g. smtp://user:password@smtp.example.com:587; / ? # @ % in the password are written as %2F %3F %23 %40 %25. Without it mails are kept to be read at /mail when PUBLIC_URL is http, and none are sent when it is https.',
    ),
  MAIL_FROM: z
    .string()
    .regex(SENDER, {
      error: 'must be an address, or a name and an address: Example <no-reply@example.com>',
      abort: true,
    })
    .refine(isSendable, {
      error: 'must have ASCII characters before the @, and a domain behind it',
    })
    .optional()
    .describe('Sender of mails. Default: no-reply@ and the host of PUBLIC_URL.'),
});
