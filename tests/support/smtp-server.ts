/** A real SMTP server that misbehaves as told. */
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { type ParsedMail, simpleParser } from 'mailparser';
import { SMTPServer } from 'smtp-server';

/**
 * `accept`: takes mails. `defer`: says 451 to every recipient, `reject`: 550. `silent`: accepts connections and greets
 * nobody. `mute`: reads a mail and never answers. `die`: takes a mail, then drops the connection instead of saying so.
 * `full`: says 452 after the mail.
 */
export type SmtpMode = 'accept' | 'defer' | 'reject' | 'silent' | 'mute' | 'die' | 'full';

export interface TestSmtpServer {
  /** With a user and a password that it demands. */
  readonly url: string;
  mode: SmtpMode;
  /** The words of `reject`. */
  says: string;
  /** What it took, in order; also when it did not say so. */
  readonly mails: readonly ParsedMail[];
  readonly connections: () => number;
  close(): Promise<void>;
}

const USER = 'auth';
const PASSWORD = 'a-password/of+the@server';

const answer = (code: number, text: string): Error =>
  Object.assign(new Error(text), { responseCode: code });

/** `at`: a certain port one, to come back where one was. */
export async function startSmtpServer(mode: SmtpMode = 'accept', at = 0): Promise<TestSmtpServer> {
  const mails: ParsedMail[] = [];
  let connections = 0;
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    closeTimeout: 100,
    onConnect(_session, done) {
      connections += 1;
      if (state.mode !== 'silent') done();
    },
    onAuth({ username, password }, _session, done) {
      if (username === USER && password === PASSWORD) done(null, { user: USER });
      else done(answer(535, 'wrong password'));
    },
    onRcptTo(_address, _session, done) {
      if (state.mode === 'defer') return done(answer(451, 'try again later'));
      if (state.mode === 'reject') return done(answer(550, state.says));
      return done();
    },
    onData(stream, _session, done) {
      const { mode: when } = state;
      simpleParser(stream).then((mail) => {
        if (when === 'full') return done(answer(452, 'no room'));
        mails.push(mail);
        if (when === 'die') for (const socket of sockets) socket.destroy();
        else if (when !== 'mute') done();
        return undefined;
      }, done);
    },
  });
  const sockets = new Set<Socket>();
  server.server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('error', () => undefined);
  server.listen(at, '127.0.0.1');
  await once(server.server, 'listening');
  const { port } = server.server.address() as AddressInfo;
  const state: TestSmtpServer = {
    url: `smtp://${USER}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}`,
    mode,
    says: 'no such user here',
    mails,
    connections: () => connections,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  return state;
}
