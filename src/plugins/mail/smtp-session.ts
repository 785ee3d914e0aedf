/** A connection to the SMTP server: what it can do, and whether it lets us in. */
import { parseConnectionUrl } from 'nodemailer/lib/shared';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import { isLoopbackHost } from '../../kernel/addresses.ts';

export const TIMEOUTS = {
  dnsTimeout: 5_000,
  connectionTimeout: 5_000,
  greetingTimeout: 5_000,
  socketTimeout: 20_000,
};

/** An error of nodemailer: the server's answer, when there was one, and to which command. */
export interface SmtpError extends Error {
  readonly code?: string;
  readonly command?: string;
  readonly responseCode?: number;
}

/** What nodemailer knows of the server and tells nobody. */
interface Known {
  /** Of the last EHLO, without the first line; undefined for a server that only knows HELO. */
  readonly _ehloLines?: readonly string[];
  readonly _responseActions: ((answer: string) => void)[];
  _sendCommand(line: string): void;
}

/** Ways to log in that nodemailer has with a user and a password. */
const KNOWN_LOGINS = ['PLAIN', 'LOGIN', 'CRAM-MD5'];

interface Login {
  readonly user?: string;
  readonly pass?: string;
}

type Step = (start: (done: (error?: Error | null) => void) => void) => Promise<void>;

export interface Session {
  readonly connection: SMTPConnection;
  /** Rejects also when the connection is lost meanwhile. */
  readonly step: Step;
  /** Connects, and logs in if the URL has a user. */
  enter(): Promise<void>;
  /** Whether the server said after the greeting that it has this extension. */
  offers(extension: string): boolean;
  /** Says a command; rejects with the answer as `SmtpError` unless it is a 2xx. */
  say(command: string): Promise<void>;
  /** What the server said, without the password: some quote what they were told, as it was or decoded. */
  withoutPassword(said: string): string;
  /** Time no longer runs. */
  end(): void;
}

const failure = (message: string, more: Partial<SmtpError>): SmtpError =>
  Object.assign(new Error(message), more);

/** Where no such way is offered, no password is sent; other servers would take it for a wrong one. */
function checkLogins(lines: readonly string[] | undefined): void {
  if (!lines) return;
  const offered = lines.flatMap((line) => /^AUTH[\s=](.*)/i.exec(line)?.[1]?.split(/[\s=]+/) ?? []);
  if (offered.some((one) => KNOWN_LOGINS.includes(one.toUpperCase()))) return;
  const list = offered.filter((one) => /^[\w-]{1,20}$/.test(one)).join(', ');
  throw failure(
    `it offers no way to log in with a user and a password${list && `, only ${list}`}`,
    { code: 'ENOLOGIN' },
  );
}

const REMOVED = '(password)';

function removePassword(said: string, { user = '', pass = '' }: Login): string {
  if (pass === '') return said;
  const told = [pass, `\0${user}\0${pass}`].map((text) => Buffer.from(text).toString('base64'));
  return said
    .replaceAll(pass, REMOVED)
    .replaceAll(/[a-z\d+/]{6,}=*/gi, (part) =>
      told.some((one) => one.includes(part)) ? REMOVED : part,
    );
}

/** `timeouts` (of silence) and `longest` (of all) in milliseconds. */
export function openSession(url: string, timeouts: typeof TIMEOUTS, longest: number): Session {
  const { auth, tls, ...server } = parseConnectionUrl(url);
  const isHere = isLoopbackHost(String(server.host));
  const connection = new SMTPConnection({
    ...server,
    ...timeouts,
    // A password goes to another machine under TLS only, whatever that machine offers.
    requireTLS: auth !== undefined && !server.secure && !isHere,
    // A server on this machine often has a certificate that it made itself, and nobody is between.
    tls: { ...(isHere && { rejectUnauthorized: false }), ...tls },
  } as object);
  const known = connection as unknown as Known;
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
      if (!auth) return;
      checkLogins(known._ehloLines);
      await step((done) => connection.login(auth as object, done));
    },
    offers: (extension) =>
      known._ehloLines?.some((line) => line.split(' ')[0]?.toUpperCase() === extension) ?? false,
    say: (command) =>
      step((done) => {
        known._responseActions.push((answer) => {
          const responseCode = Number(answer.slice(0, 3));
          const isFine = responseCode >= 200 && responseCode < 300;
          done(isFine ? null : failure(answer, { responseCode, command }));
        });
        known._sendCommand(command);
      }),
    withoutPassword: (said) => removePassword(said, (auth ?? {}) as Login),
    end: () => clearTimeout(timer),
  };
}
