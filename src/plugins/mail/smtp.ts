/** One mail to one SMTP server (RFC 5321), so that it is known how far it came. */
import { Readable } from 'node:stream';
import MailComposer from 'nodemailer/lib/mail-composer';
import { asciiDomain } from '../../kernel/addresses.ts';
import type { Message } from './compose.ts';
import { openSession, type Session, type SmtpError, TIMEOUTS } from './smtp-session.ts';

/** Milliseconds for a whole delivery, however busy the server looks; shorter than a lease. */
const LONGEST = 90_000;

export interface Outgoing extends Message {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly date: Date;
}

/**
 * `later`: not taken, try again. `refused`: never will be. `uncertain`: the connection was lost when the server may have
 * taken it. `reason` quotes the server or the network, never the mail.
 */
export type Delivery =
  | { readonly outcome: 'sent' }
  | { readonly outcome: 'later' | 'refused' | 'uncertain'; readonly reason: string };

/** `onHandOver` runs before the first byte of the mail; when it rejects, none is sent. */
export type Deliver = (mail: Outgoing, onHandOver: () => Promise<void>) => Promise<Delivery>;

/** Commands about this one mail: what the server refuses for good here, it refuses of this mail. */
const ABOUT_MAIL = new Set(['RCPT TO', 'DATA', 'THIS MAIL']);
/** About us, whatever command they answer: without TLS, or not logged in (RFC 4954 §6, RFC 3207 §4). */
const ABOUT_US = new Set([530, 534, 535, 538]);

/** A sender that the server refuses is a wrong MAIL_FROM: all mails wait until it is right. */
const isRefused = ({ responseCode = 0, command = '' }: SmtpError): boolean =>
  responseCode >= 500 && ABOUT_MAIL.has(command) && !ABOUT_US.has(responseCode);

/** Servers quote recipients (`550 <ann@example.com>: unknown`) and links of a mail that they refuse. */
const withoutPeople = (said: string): string =>
  said.replaceAll(/https?:\S+/giu, '(link)').replaceAll(/[^\s<>]+@[^\s<>]+/gu, '(address)');

type Quote = Pick<Session, 'withoutPassword'>;

const reasonOf = ({ message }: SmtpError, { withoutPassword }: Quote): string =>
  withoutPeople(withoutPassword(message).replaceAll(/[\p{Cc}]+/gu, ' ')).slice(0, 300);

function judge(error: SmtpError, session: Quote, handedOver: boolean): Delivery {
  const reason = reasonOf(error, session);
  if (isRefused(error)) return { outcome: 'refused', reason };
  const isAnswered = (error.responseCode ?? 0) >= 400;
  return { outcome: handedOver && !isAnswered ? 'uncertain' : 'later', reason };
}

/** Milliseconds for a whole check: a person waits for it. */
const LONGEST_CHECK = 10_000;

/** Undefined when the server lets us in and takes mails of this sender; otherwise why not, and what that is about. */
export type SmtpCheck = (sender: string) => Promise<SmtpFault | undefined>;

export interface SmtpFault {
  readonly reason: string;
  readonly about: 'login' | 'no-login' | 'starttls' | 'tls' | 'sender' | 'server';
}

const ABOUT: Readonly<Record<string, SmtpFault['about']>> = {
  EAUTH: 'login',
  ENOLOGIN: 'no-login',
  ETLS: 'tls',
  ESENDER: 'sender',
};

function aboutOf({ code = '', command, message }: SmtpError): SmtpFault['about'] {
  if (command === 'STARTTLS' && message.startsWith('Error upgrading')) return 'starttls';
  return ABOUT[code] ?? (/certificate|\bssl\b|\btls\b/i.test(message) ? 'tls' : 'server');
}

/** Connects, logs in, names the sender and leaves: no mail is sent. */
export function createSmtpCheck(url: string, longest = LONGEST_CHECK): SmtpCheck {
  return async (sender) => {
    const session = openSession(url, TIMEOUTS, longest);
    const { connection, enter, say, end } = session;
    try {
      await enter();
      await say(`MAIL FROM:<${toAscii(addressOf(sender))}>`).catch((error: Error) => {
        throw Object.assign(error, { code: 'ESENDER' });
      });
      connection.quit();
      return undefined;
    } catch (error) {
      connection.close();
      return { reason: reasonOf(error as SmtpError, session), about: aboutOf(error as SmtpError) };
    } finally {
      end();
    }
  };
}

/** Other letters than ASCII in a local part: only servers with SMTPUTF8 take it (RFC 6531 §3.2). */
const needsUtf8 = (address: string): boolean => /[^ -~]/.test(address);

const NO_UTF8: SmtpError = Object.assign(
  new Error(
    'the server has no SMTPUTF8, which an address with other letters than ASCII before the @ needs',
  ),
  { responseCode: 550, command: 'THIS MAIL' },
);

/** `timeouts` (of silence) and `longest` (of all) in milliseconds; shorter than a lease. */
export function createSmtpDelivery(url: string, timeouts = TIMEOUTS, longest = LONGEST): Deliver {
  return async (mail, onHandOver) => {
    let handedOver = false;
    const content = await build(mail);
    const session = openSession(url, timeouts, longest);
    const { connection, step, enter, offers, end } = session;
    const body = Readable.from(
      (async function* () {
        await onHandOver();
        handedOver = true;
        yield content;
      })(),
    );
    try {
      await enter();
      const envelope = { from: toAscii(addressOf(mail.from)), to: [toAscii(mail.to)] };
      if (needsUtf8(envelope.to.join()) && !offers('SMTPUTF8')) throw NO_UTF8;
      await step((done) => {
        body.on('error', done);
        connection.send(envelope, body, done);
      });
      connection.quit();
      return { outcome: 'sent' };
    } catch (error) {
      connection.close();
      return judge(error as SmtpError, session, handedOver);
    } finally {
      end();
    }
  };
}

const addressOf = (sender: string): string => /<(.+)>$/.exec(sender)?.[1] ?? sender;

/** With the domain as A-label: every server takes that (RFC 5890 §2.3.2.1). As it is where there is none. */
function toAscii(address: string): string {
  const at = address.lastIndexOf('@') + 1;
  return address.slice(0, at) + (asciiDomain(address.slice(at)) ?? address.slice(at));
}

/** An address is one address, whatever characters it has: never parsed as a list. */
const build = ({ id, from, to, date, subject, text, html }: Outgoing): Promise<Buffer> => {
  const address = toAscii(addressOf(from));
  const name = from.includes('<') ? from.slice(0, from.lastIndexOf('<')).trim() : '';
  return new MailComposer({
    from: { name, address },
    to: { name: '', address: toAscii(to) },
    subject,
    text,
    html,
    date,
    messageId: `<${id}@${address.slice(address.lastIndexOf('@') + 1)}>`,
    headers: { 'Auto-Submitted': 'auto-generated' },
  })
    .compile()
    .build();
};
