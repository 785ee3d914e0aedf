/** A real SMTP server that misbehaves as told. */
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { type ParsedMail, simpleParser } from 'mailparser';
import { SMTPServer } from 'smtp-server';

/**
 * `accept`: takes mails. `defer`: says 451 to every recipient, `reject`: 550, `shut`: 421 and closes. `silent`: accepts
 * connections and greets nobody. `mute`: reads a mail and never answers. `die`: takes a mail, then drops the connection instead
 * of saying so; `drop`: right after it said so. `full`: says 452 after the mail, `spam`: 554. `sender`: refuses ours with 553.
 */
export type SmtpMode =
  | ('accept' | 'defer' | 'reject' | 'shut' | 'silent' | 'mute')
  | ('die' | 'drop' | 'full' | 'spam' | 'sender');

/** What the server can do. Default: everything, PLAIN and LOGIN, and no TLS. */
export interface SmtpSwitches {
  /** Extensions that it does not have. */
  readonly without?: readonly ('SMTPUTF8' | '8BITMIME' | 'PIPELINING' | 'SIZE')[];
  /** False: knows HELO only. */
  readonly ehlo?: boolean;
  /** Ways to log in, demanded unless there are none. */
  readonly logins?: readonly string[];
  readonly tls?: 'starttls' | 'implicit';
  /** Where it listens. Default: 127.0.0.1. */
  readonly host?: string;
}

export interface TestSmtpServer {
  /** With a user and a password that it demands. */
  readonly url: string;
  /** Host and port. */
  readonly address: string;
  mode: SmtpMode;
  /** The words of `reject`. */
  says: string;
  /** What it took, in order; also when it did not say so. */
  readonly mails: readonly ParsedMail[];
  /** All that was said to it in the clear, octet by octet. */
  readonly heard: () => string;
  readonly connections: () => number;
  /** Greets those whom `silent` left waiting, and takes mails from here on. */
  release(): void;
  close(): Promise<void>;
}

const USER = 'auth';
const PASSWORD = 'a-password/of+the@server';

const answer = (code: number, text: string): Error =>
  Object.assign(new Error(text), { responseCode: code });

const optionsOf = ({ without = [], ehlo = true, logins, tls }: SmtpSwitches) => ({
  disabledCommands: [
    ...(tls === 'starttls' ? [] : ['STARTTLS']),
    ...(ehlo ? [] : ['EHLO']),
    ...(logins?.length === 0 || !ehlo ? ['AUTH'] : []),
  ],
  hideSMTPUTF8: without.includes('SMTPUTF8'),
  hide8BITMIME: without.includes('8BITMIME'),
  hidePIPELINING: without.includes('PIPELINING'),
  hideSize: without.includes('SIZE'),
  secure: tls === 'implicit',
  ...(logins && { authMethods: [...logins] }),
});

/** `at`: a certain port one, to come back where one was. */
export async function startSmtpServer(
  mode: SmtpMode = 'accept',
  at = 0,
  switches: SmtpSwitches = {},
): Promise<TestSmtpServer> {
  const mails: ParsedMail[] = [];
  let connections = 0;
  let heard = '';
  const held: (() => void)[] = [];
  const server = new SMTPServer({
    ...optionsOf(switches),
    allowInsecureAuth: true,
    closeTimeout: 100,
    onConnect(_session, done) {
      connections += 1;
      if (state.mode === 'silent') held.push(done);
      else done();
    },
    onAuth({ username, password, validatePassword }, _session, done) {
      const isRight = validatePassword?.(PASSWORD) ?? password === PASSWORD;
      if (username === USER && isRight) done(null, { user: USER });
      else done(answer(535, 'wrong password'));
    },
    onMailFrom(_address, _session, done) {
      if (state.mode === 'sender') return done(answer(553, 'not owned by user auth'));
      return done();
    },
    onRcptTo(_address, _session, done) {
      if (state.mode === 'defer') return done(answer(451, 'try again later'));
      if (state.mode === 'reject') return done(answer(550, state.says));
      if (state.mode === 'shut') {
        done(answer(421, 'closing'));
        for (const socket of sockets) socket.end();
        return undefined;
      }
      return done();
    },
    onData(stream, _session, done) {
      const { mode: when } = state;
      simpleParser(stream).then((mail) => {
        if (when === 'full') return done(answer(452, 'no room'));
        if (when === 'spam') return done(answer(554, 'looks like spam'));
        mails.push(mail);
        if (when === 'die') for (const socket of sockets) socket.destroy();
        else if (when !== 'mute') done();
        if (when === 'drop') for (const socket of sockets) socket.end();
        return undefined;
      }, done);
    },
  });
  const sockets = new Set<Socket>();
  server.server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('data', (octets: Buffer) => {
      heard += octets.toString('latin1');
    });
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('error', () => undefined);
  const { host = '127.0.0.1', tls } = switches;
  server.listen(at, host);
  await once(server.server, 'listening');
  const { port } = server.server.address() as AddressInfo;
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const scheme = tls === 'implicit' ? 'smtps' : 'smtp';
  const state: TestSmtpServer = {
    url: `${scheme}://${USER}:${encodeURIComponent(PASSWORD)}@${address}`,
    address,
    mode,
    says: 'no such user here',
    mails,
    heard: () => heard,
    connections: () => connections,
    release() {
      state.mode = 'accept';
      for (const greet of held.splice(0)) greet();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  return state;
}
