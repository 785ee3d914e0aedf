/** What can be wrong with mail. */
import { isIP } from 'node:net';
import { broken, type Diagnosis, type Finding, warning } from '../../kernel/plugin.ts';
import type { MailModel } from './model.ts';
import type { SmtpCheck, SmtpFault } from './smtp.ts';

interface Dependencies {
  readonly mode: 'smtp' | 'capture' | 'off';
  readonly mails: Pick<MailModel, 'troubles'>;
  /** Of the server of SMTP_URL. */
  readonly check: SmtpCheck | undefined;
  readonly from: string;
}

export const diagnoseMail = ({ mode, mails, check, from }: Dependencies): readonly Diagnosis[] => [
  {
    name: 'smtp',
    async check() {
      if (mode === 'off') return [nothingIsSent];
      return check ? [...judgeSender(from), ...judgeServer(await check(from))] : [];
    },
  },
  {
    name: 'outbox',
    check: async () => (mode === 'smtp' ? judgeOutbox(await mails.troubles()) : []),
  },
];

const nothingIsSent = warning(
  'No mail is sent, as SMTP_URL is not set: nobody can confirm an address or reset a password.',
  'Set SMTP_URL and MAIL_FROM.',
);

function judgeSender(from: string): Finding[] {
  const domain = /@([^>]+)>?$/.exec(from)?.[1] ?? '';
  if (domain.includes('.') && isIP(domain) === 0) return [];
  const problem = `Mails come from ${from}, which no other server takes for an address.`;
  return [warning(problem, 'Set MAIL_FROM to an address of a domain of yours.')];
}

const FIXES: Readonly<Record<SmtpFault['about'], string>> = {
  login: 'Correct user and password in SMTP_URL.',
  'no-login':
    'Take user and password out of SMTP_URL if it needs none; otherwise use a server, or an account of it, that takes PLAIN, LOGIN or CRAM-MD5. A token (XOAUTH2) cannot be used: many providers have app passwords instead.',
  starttls:
    'It offers no STARTTLS, and a password is sent under TLS only: write smtps:// if it has a port with TLS from the start (465), or use another server.',
  tls: 'Name it in SMTP_URL as in its certificate, and have an authority of its own trusted with NODE_EXTRA_CA_CERTS. smtp:// is for STARTTLS (587), smtps:// for TLS from the start (465).',
  sender:
    'Set MAIL_FROM to an address that this server lets the user of SMTP_URL send from: for some it is that user itself. Mails wait until then, for a day.',
  server:
    'Start it, or correct SMTP_URL: smtp:// for STARTTLS (587), smtps:// for TLS from the start (465).',
};

const judgeServer = (fault: SmtpFault | undefined): Finding[] =>
  fault ? [broken(`The SMTP server: ${fault.reason}.`, FIXES[fault.about])] : [];

function judgeOutbox({ late, ended }: Awaited<ReturnType<MailModel['troubles']>>): Finding[] {
  const fix = '"authsrv mail list" says what the server answered.';
  const retry = `${fix} "authsrv mail retry" sends one again.`;
  return [
    ...(late > 0 ? [warning(`${late} mails have waited for over an hour.`, fix)] : []),
    ...(ended > 0
      ? [warning(`${ended} mails of the last day failed or are uncertain.`, retry)]
      : []),
  ];
}
