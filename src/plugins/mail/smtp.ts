/** One mail to one SMTP server (RFC 5321), so that it is known how far it came. */
import { Readable } from 'node:stream';
import MailComposer from 'nodemailer/lib/mail-composer';
import { parseConnectionUrl } from 'nodemailer/lib/shared';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import { isLoopbackHost } from '../../kernel/addresses.ts';
import type { Message } from './compose.ts';

const TIMEOUTS = {
  dnsTimeout: 5_000,
  connectionTimeout: 5_000,
  greetingTimeout: 5_000,
  socketTimeout: 20_000,
};

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

/** An error of nodemailer: the server's answer, when there was one, and to which command. */
interface SmtpError extends Error {
  readonly code?: string;
  readonly command?: string;
  readonly responseCode?: number;
}

/** Commands about this one mail: what the server refuses for good here, it refuses of this mail. */
const ABOUT_MAIL = new Set(['MAIL FROM', 'RCPT TO', 'DATA']);

const isRefused = ({ responseCode = 0, command = '', code = '' }: SmtpError): boolean =>
  responseCode >= 500 && (ABOUT_MAIL.has(command) || code === 'EMESSAGE' || code === 'EENVELOPE');

/** Servers quote recipients (`550 <ann@example.com>: unknown`) and links of a mail that they refuse. */
const withoutPeople = (said: string): string =>
  said.replaceAll(/https?:\S+/giu, '(link)').replaceAll(/[^\s<>]+@[^\s<>]+/gu, '(address)');

const reasonOf = ({ message }: SmtpError): string =>
  withoutPeople(message.replaceAll(/[\p{Cc}]+/gu, ' ')).slice(0, 300);

function judge(error: SmtpError, handedOver: boolean): Delivery {
  const reason = reasonOf(error);
  if (isRefused(error)) return { outcome: 'refused', reason };
  const isAnswered = (error.responseCode ?? 0) >= 400;
  return { outcome: handedOver && !isAnswered ? 'uncertain' : 'later', reason };
}

/** Milliseconds for a whole check: a person waits for it. */
const LONGEST_CHECK = 10_000;

type Step = (start: (done: (error?: Error | null) => void) => void) => Promise<void>;

interface Session {
  readonly connection: SMTPConnection;
  /** Rejects also when the connection is lost meanwhile. */
  readonly step: Step;
  /** Connects, and logs in if the URL has a user. */
  enter(): Promise<void>;
  /** Time no longer runs. */
  end(): void;
}

/** `timeouts` (of silence) and `longest` (of all) in milliseconds. */
function openSession(url: string, timeouts: typeof TIMEOUTS, longest: number): Session {
  const { auth, ...server } = parseConnectionUrl(url);
  // A password goes to another machine under TLS only, whatever that machine offers.
  const requireTLS = auth !== undefined && !server.secure && !isLoopbackHost(String(server.host));
  const connection = new SMTPConnection({ ...server, ...timeouts, requireTLS } as object);
  // A lost connection is told by whichever step was under way.
  const lost = Promise.withResolvers<never>();
  lost.promise.catch(() => undefined);
  connection.on('error', lost.reject);
  connection.on('end', () => lost.reject(new Error('the server closed the connection')));
  const timer = setTimeout(() => lost.reject(new Error('the server took too long')), longest);
  const step: Step = (start) =>
    Promise.race([
      lost.promise,
      new Promise<void>((resolve, reject) => {
        start((error) => (error ? reject(error) : resolve()));
      }),
    ]);
  return {
    connection,
    step,
    async enter() {
      await step((done) => connection.connect(done));
      if (auth) await step((done) => connection.login(auth as object, done));
    },
    end: () => clearTimeout(timer),
  };
}

/** Undefined when the server lets us in; otherwise why not, and whether it was the login. */
export type SmtpCheck = () => Promise<{ reason: string; isLogin: boolean } | undefined>;

/** Connects, logs in and leaves: no mail is sent. */
export function createSmtpCheck(url: string, longest = LONGEST_CHECK): SmtpCheck {
  return async () => {
    const { connection, enter, end } = openSession(url, TIMEOUTS, longest);
    try {
      await enter();
      connection.quit();
      return undefined;
    } catch (error) {
      connection.close();
      return {
        reason: reasonOf(error as SmtpError),
        isLogin: (error as SmtpError).code === 'EAUTH',
      };
    } finally {
      end();
    }
  };
}

/** `timeouts` (of silence) and `longest` (of all) in milliseconds; shorter than a lease. */
export function createSmtpDelivery(url: string, timeouts = TIMEOUTS, longest = LONGEST): Deliver {
  return async (mail, onHandOver) => {
    let handedOver = false;
    const content = await build(mail);
    const { connection, step, enter, end } = openSession(url, timeouts, longest);
    const body = Readable.from(
      (async function* () {
        await onHandOver();
        handedOver = true;
        yield content;
      })(),
    );
    try {
      await enter();
      const envelope = { from: addressOf(mail.from), to: [mail.to] };
      await step((done) => {
        body.on('error', done);
        connection.send(envelope, body, done);
      });
      connection.quit();
      return { outcome: 'sent' };
    } catch (error) {
      connection.close();
      return judge(error as SmtpError, handedOver);
    } finally {
      end();
    }
  };
}

const addressOf = (sender: string): string => /<(.+)>$/.exec(sender)?.[1] ?? sender;

/** An address is one address, whatever characters it has: never parsed as a list. */
const build = ({ id, from, to, date, subject, text, html }: Outgoing): Promise<Buffer> => {
  const address = addressOf(from);
  const name = from === address ? '' : from.slice(0, from.lastIndexOf('<')).trim();
  return new MailComposer({
    from: { name, address },
    to: { name: '', address: to },
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
