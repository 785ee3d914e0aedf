/** Servers of every kind: what they lack, what they demand, how they say no (B-09 and its siblings). */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { expect } from 'chai';
import { diagnoseMail } from '../../../src/plugins/mail/diagnose.ts';
import { settings } from '../../../src/plugins/mail/settings.ts';
import { createSmtpCheck, createSmtpDelivery } from '../../../src/plugins/mail/smtp.ts';
import {
  type SmtpMode,
  type SmtpSwitches,
  startSmtpServer,
  type TestSmtpServer,
} from '../../support/smtp-server.ts';

const mail = {
  id: '3f0f3a1e-8f6d-4c5e-9e0b-6a1f2f1e7c11',
  from: 'Grüße & Söhne GmbH <no-reply@example.com>',
  to: 'ana@example.org',
  date: new Date('2026-11-23T08:00:00Z'),
  subject: 'Bestätigen Sie Ihre Adresse',
  text: 'Hello,\n\n.\n..\n\nhttps://auth.example.com/l/abc\n',
  html: `<p>${'Grüße '.repeat(400)}</p>`,
};
type Mail = typeof mail;

/** Refuses every login, and says what it was told: as it was, decoded, and in part. */
async function startQuotingServer(login: string) {
  const open = new Set<Socket>();
  const refuse = (line: string): string => {
    const told = Buffer.from(line.split(' ').at(-1) ?? '', 'base64').toString();
    return `535 no: ${line}, ${line.slice(0, -3)}, ${told}, ${told.split('\0').at(-1)}`;
  };
  const questions: Readonly<Record<string, string>> = {
    EHLO: `250-hello\r\n250 AUTH ${login}`,
    'AUTH LOGIN': '334 VXNlcm5hbWU6',
    'YXV0aA==': '334 UGFzc3dvcmQ6',
  };
  const server = createServer((socket) => {
    open.add(socket.on('error', () => undefined));
    socket.write('220 ready\r\n');
    socket.on('data', (octets) => {
      const line = octets.toString().trim();
      socket.write(`${questions[line.replace(/^EHLO.*/, 'EHLO')] ?? refuse(line)}\r\n`);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = (): void => {
    for (const socket of open) socket.destroy();
    server.close();
  };
  return { port: (server.address() as { port: number }).port, close };
}

describe('SMTP servers of every kind', () => {
  let server: TestSmtpServer;
  afterEach(() => server?.close());

  /** `anybody`: without user and password. */
  const deliver = async (
    switches: SmtpSwitches,
    {
      anybody = false,
      mode = 'accept',
      ...changed
    }: Partial<Mail> & { anybody?: boolean; mode?: SmtpMode } = {},
  ) => {
    await server?.close();
    server = await startSmtpServer(mode, 0, switches);
    const url = anybody ? server.url.replace(/\/\/.*@/, '//') : server.url;
    return createSmtpDelivery(url)({ ...mail, ...changed }, async () => undefined);
  };
  const check = async (switches: SmtpSwitches, mode: SmtpMode = 'accept') => {
    await server?.close();
    server = await startSmtpServer(mode, 0, switches);
    const [diagnosis] = diagnoseMail({
      mode: 'smtp',
      mails: { troubles: async () => ({ late: 0, ended: 0 }) },
      check: createSmtpCheck(server.url),
      from: mail.from,
    });
    return diagnosis?.check();
  };

  const SIMPLE = { without: ['SMTPUTF8', '8BITMIME', 'PIPELINING', 'SIZE'] } as const;
  for (const switches of [{}, SIMPLE] as SmtpSwitches[]) {
    const what = switches === SIMPLE ? 'no extension' : 'every extension';
    it(`B-09 names domains by A-labels to a server with ${what}`, async () => {
      const delivery = await deliver(switches, {
        to: 'ana@münchen.example',
        from: 'Auth <no-reply@bücher.example>',
      });
      expect(delivery).to.deep.equal({ outcome: 'sent' });
      expect(server.heard()).to.match(/^MAIL FROM:<no-reply@xn--bcher-kva\.example>/m);
      expect(server.heard()).to.match(/^RCPT TO:<ana@xn--mnchen-3ya\.example>/m);
      expect(server.heard()).to.match(/^Message-ID: <[^>]+@xn--bcher-kva\.example>/im);
      expect(server.mails[0]?.text).to.equal(mail.text);
    });

    it(`sends ASCII in short lines to a server with ${what}, whatever the text has`, async () => {
      expect(await deliver(switches)).to.deep.equal({ outcome: 'sent' });
      expect(server.heard()).to.match(/^[\x20-\x7e\r\n]+$/);
      const longest = Math.max(
        ...server
          .heard()
          .split('\r\n')
          .map((line) => line.length),
      );
      // RFC 5322 §2.1.1.
      expect(longest).to.be.at.most(998);
      const [got] = server.mails;
      expect(got?.html).to.equal(mail.html);
      expect(got?.text).to.equal(mail.text);
      expect(got?.subject).to.equal(mail.subject);
      expect(got?.from?.value).to.deep.equal([
        { name: 'Grüße & Söhne GmbH', address: 'no-reply@example.com' },
      ]);
      expect(got?.date).to.deep.equal(mail.date);
    });
  }

  it('B-09 sends other letters before the @ to a server with SMTPUTF8', async () => {
    const delivery = await deliver({}, { to: 'jörg@münchen.example' });
    expect(delivery).to.deep.equal({ outcome: 'sent' });
    expect(server.heard()).to.match(/^MAIL FROM:<[^>]+> SMTPUTF8/m);
  });

  it('B-09 refuses them for good where there is none, says why, and names nobody', async () => {
    for (const switches of [SIMPLE, { ehlo: false }]) {
      const delivery = await deliver(switches, {
        to: 'jörg@münchen.example',
        anybody: !('without' in switches),
      });
      expect(delivery).to.deep.equal({
        outcome: 'refused',
        reason:
          'the server has no SMTPUTF8, which an address with other letters than ASCII before the @ needs',
      });
      expect(server.heard()).not.to.include('RCPT');
    }
  });

  it('takes a server that knows HELO only', async () => {
    expect(await deliver({ ehlo: false }, { anybody: true })).to.deep.equal({ outcome: 'sent' });
  });

  for (const logins of [['PLAIN'], ['LOGIN'], ['CRAM-MD5'], ['XOAUTH2', 'LOGIN']]) {
    it(`logs in by ${logins.join(' or ')}`, async () => {
      expect(await deliver({ logins })).to.deep.equal({ outcome: 'sent' });
    });
  }

  it('names a server that takes tokens only, or no login at all, and sends it no password', async () => {
    const [tokens] = (await check({ logins: ['XOAUTH2'] })) ?? [];
    expect(tokens?.problem).to.equal(
      'The SMTP server: it offers no way to log in with a user and a password, only XOAUTH2.',
    );
    expect(tokens?.fix).to.include('app passwords');
    expect(server.heard()).not.to.include('AUTH');
    const [none] = (await check({ logins: [] })) ?? [];
    expect(none?.problem).to.equal(
      'The SMTP server: it offers no way to log in with a user and a password.',
    );
    expect((await deliver({ logins: [] })).outcome).to.equal('later');
  });

  it('names a sender that the server refuses, before any mail is lost', async () => {
    const [finding] = (await check({}, 'sender')) ?? [];
    expect(finding?.problem).to.equal('The SMTP server: 553 not owned by user auth.');
    expect(finding?.fix).to.match(/^Set MAIL_FROM/);
    expect(await check({})).to.deep.equal([]);
  });

  it('uses STARTTLS and TLS from the start on this machine, whoever made the certificate', async () => {
    for (const tls of ['starttls', 'implicit'] as const) {
      expect(await deliver({ tls }), tls).to.deep.equal({ outcome: 'sent' });
      expect(server.heard()).not.to.include('RCPT');
    }
  });

  it('names a port that speaks in another way', async () => {
    server = await startSmtpServer();
    const fault = await createSmtpCheck(`smtps://${server.address}`)(mail.from);
    expect(fault?.about).to.equal('tls');
    await server.close();
    server = await startSmtpServer('accept', 0, { tls: 'implicit' });
    const silent = await createSmtpCheck(`smtp://${server.address}`, 300)(mail.from);
    expect(silent?.about).to.equal('server');
  });

  it('takes an IPv6 address', async function () {
    const sockets = createServer();
    sockets.listen(0, '::1');
    const hasIpv6 = await Promise.race([
      once(sockets, 'listening').then(() => true),
      once(sockets, 'error').then(() => false),
    ]);
    sockets.close();
    if (!hasIpv6) this.skip();
    expect(await deliver({ host: '::1' })).to.deep.equal({ outcome: 'sent' });
  });

  it('reads an answer of several lines', async () => {
    const answers = [
      '220-mail.example.com',
      '220 ready',
      '250-hello',
      '250-SIZE 100',
      '250 HELP',
      '250-2.1.0',
      '250 ok',
      '550-5.1.1 <ana@example.org>:',
      '550-5.1.1 no mailbox',
      '550 5.1.1 see https://x.example/1',
    ];
    const open = new Set<Socket>();
    const scripted = createServer((socket) => {
      open.add(socket.on('error', () => undefined));
      const say = () => {
        for (let line = answers.shift(); line !== undefined; line = answers.shift()) {
          socket.write(`${line}\r\n`);
          if (line[3] === ' ') return;
        }
      };
      say();
      socket.on('data', say);
    });
    scripted.listen(0, '127.0.0.1');
    await once(scripted, 'listening');
    const { port } = scripted.address() as { port: number };
    try {
      const delivery = await createSmtpDelivery(`smtp://127.0.0.1:${port}`)(
        mail,
        async () => undefined,
      );
      expect(delivery.outcome).to.equal('refused');
      expect((delivery as { reason: string }).reason)
        .to.include('no mailbox')
        .and.not.match(/[\r\n]|ana@|https/);
    } finally {
      for (const socket of open) socket.destroy();
      scripted.close();
    }
  });

  for (const login of ['PLAIN', 'LOGIN']) {
    it(`B-09 tells nobody the password that a server quotes: ${login}`, async () => {
      const [user, password] = ['auth', 'pass word/+0'];
      const server = await startQuotingServer(login);
      const url = `smtp://${user}:${encodeURIComponent(password)}@127.0.0.1:${server.port}`;
      try {
        const delivery = await createSmtpDelivery(url)(mail, async () => undefined);
        const fault = await createSmtpCheck(url)(mail.from);
        for (const reason of [JSON.stringify(delivery), JSON.stringify(fault)]) {
          expect(reason).to.include('535 no: ').and.not.include(password);
          for (const secret of [password, `\0${user}\0${password}`]) {
            expect(reason).not.to.include(Buffer.from(secret).toString('base64').slice(0, 12));
          }
        }
        expect(delivery.outcome).to.equal('later');
        expect(fault?.about).to.equal('login');
      } finally {
        server.close();
      }
    });
  }

  it('B-09 has a sender that every server takes', () => {
    for (const MAIL_FROM of ['jörg@example.com', 'A <ü@example.com>', 'a@xn--a.example']) {
      expect(settings.safeParse({ MAIL_FROM }).success, MAIL_FROM).to.equal(false);
    }
    expect(settings.safeParse({ MAIL_FROM: 'Grüße <no-reply@bücher.example>' }).success).to.equal(
      true,
    );
  });
});
