/** What can be wrong with mail. */
import { isIP } from 'node:net';
import { broken, type Diagnosis, type Finding, warning } from '../../kernel/plugin.ts';
import type { MailModel } from './model.ts';
import type { SmtpCheck } from './smtp.ts';

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
      return check ? [...judgeSender(from), ...judgeServer(await check())] : [];
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

function judgeServer(fault: Awaited<ReturnType<SmtpCheck>>): Finding[] {
  if (fault === undefined) return [];
  const fix = fault.isLogin
    ? 'Correct user and password in SMTP_URL.'
    : 'Start it, or correct SMTP_URL: smtp:// for STARTTLS, smtps:// for TLS from the start.';
  return [broken(`The SMTP server: ${fault.reason}.`, fix)];
}

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
