import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect } from 'chai';
import { createSmtpDelivery, type Delivery } from '../../../src/plugins/mail/smtp.ts';
import { type SmtpMode, startSmtpServer, type TestSmtpServer } from '../../support/smtp-server.ts';

const mail = {
  id: '3f0f3a1e-8f6d-4c5e-9e0b-6a1f2f1e7c11',
  from: 'Example, Inc. <no-reply@example.com>',
  to: 'ana@example.org',
  date: new Date('2026-11-23T08:00:00Z'),
  subject: 'Grüße',
  text: 'Hello,\n\n.\n\nhttps://auth.example.com/l/abc\n',
  html: '<p>Hello</p>',
};

/** Milliseconds. */
const SHORT = { dnsTimeout: 300, connectionTimeout: 300, greetingTimeout: 300, socketTimeout: 300 };

describe('delivery by SMTP', () => {
  let server: TestSmtpServer;
  beforeEach(async () => {
    server = await startSmtpServer();
  });
  afterEach(() => server.close());

  const deliver = async (mode: SmtpMode, overrides: Partial<typeof mail> = {}) => {
    server.mode = mode;
    let handedOver = 0;
    const delivery = await createSmtpDelivery(server.url, SHORT)(
      { ...mail, ...overrides },
      async () => {
        handedOver += 1;
      },
    );
    return { delivery, handedOver };
  };

  it('sends text and HTML, with an id that repeats when the mail does', async () => {
    expect((await deliver('accept')).delivery).to.deep.equal({ outcome: 'sent' });
    const [got] = server.mails;
    expect(got?.subject).to.equal('Grüße');
    expect(got?.text).to.equal(mail.text);
    expect(got?.html).to.equal('<p>Hello</p>');
    expect(got?.from?.value).to.deep.equal([
      { name: 'Example, Inc.', address: 'no-reply@example.com' },
    ]);
    expect(got?.messageId).to.equal(`<${mail.id}@example.com>`);
    expect(got?.headers.get('auto-submitted')).to.equal('auto-generated');
  });

  it('takes the recipient as one address, whatever it looks like', async () => {
    for (const to of [
      'a@example.org,b@example.org',
      'Eve <eve@example.org>',
      'a@example.org\r\nBcc: eve@example.org',
    ]) {
      await deliver('accept', { to });
    }
    for (const { to, bcc } of server.mails) {
      expect([to].flat().flatMap((one) => one?.value ?? [])).to.have.length(1);
      expect(bcc).to.equal(undefined);
    }
  });

  it('SEC-91: no subject begins another header', async () => {
    await deliver('accept', { subject: 'Hello\r\nBcc: eve@example.org\r\n\r\nbody' });
    expect(server.mails[0]?.bcc).to.equal(undefined);
    expect(server.mails[0]?.text).to.equal(mail.text);
  });

  const OUTCOMES: Readonly<Record<Exclude<SmtpMode, 'accept'>, [Delivery['outcome'], number]>> = {
    defer: ['later', 0],
    reject: ['refused', 0],
    silent: ['later', 0],
    full: ['later', 1],
    shut: ['later', 0],
    spam: ['refused', 1],
    // What all mails would meet: they wait until MAIL_FROM is right.
    sender: ['later', 0],
    drop: ['sent', 1],
    mute: ['uncertain', 1],
    die: ['uncertain', 1],
  };
  for (const [mode, [outcome, handedOver]] of Object.entries(OUTCOMES)) {
    it(`a server that does "${mode}": ${outcome}`, async () => {
      const result = await deliver(mode as SmtpMode);
      expect(result.delivery.outcome).to.equal(outcome);
      expect(result.handedOver).to.equal(handedOver);
      if (outcome === 'sent') return;
      const { reason = '' } = result.delivery as { reason?: string };
      expect(reason).not.to.equal('').and.not.to.include('/l/abc');
    });
  }

  it('nobody there, or a wrong password: later', async () => {
    const wrong = server.url.replace('auth:', 'other:');
    const there = await createSmtpDelivery(wrong, SHORT)(mail, async () => undefined);
    expect(there.outcome).to.equal('later');
    await server.close();
    const gone = await createSmtpDelivery(server.url, SHORT)(mail, async () => undefined);
    expect(gone.outcome).to.equal('later');
  });

  it('a server that says something for ever: later', async () => {
    const sockets = new Set<Socket>();
    const timers = new Set<NodeJS.Timeout>();
    const dripping = createServer((socket) => {
      sockets.add(socket.on('error', () => undefined));
      socket.write('220 here\r\n');
      timers.add(setInterval(() => socket.write('250-more\r\n'), 50));
    });
    dripping.listen(0, '127.0.0.1');
    await once(dripping, 'listening');
    const url = `smtp://127.0.0.1:${(dripping.address() as AddressInfo).port}`;
    try {
      const delivery = await createSmtpDelivery(url, SHORT, 900)(mail, async () => undefined);
      expect(delivery).to.deep.equal({ outcome: 'later', reason: 'the server took too long' });
    } finally {
      for (const timer of timers) clearInterval(timer);
      for (const socket of sockets) socket.destroy();
      dripping.close();
    }
  });

  it('SEC-94: a reason quotes neither addresses nor links', async () => {
    server.says = '<ana@example.org>: unknown, see https://auth.example.com/l/abc';
    const { delivery } = await deliver('reject');
    expect(delivery)
      .to.have.property('reason')
      .that.includes('550 <(address)>: unknown, see (link)');
  });

  it('sends not a byte of the mail when it may not be handed over', async () => {
    const delivery = await createSmtpDelivery(server.url, SHORT)(mail, () =>
      Promise.reject(new Error('another node has the mail')),
    );
    expect(delivery).to.deep.equal({ outcome: 'later', reason: 'another node has the mail' });
    expect(server.mails).to.deep.equal([]);
  });
});
