/** SMTP down, hanging, or dying after acceptance: requests answer, and each mail goes out once or is reported. */
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { Mails } from '../../src/plugins/mail/contract.ts';
import { mail as mailPlugin } from '../../src/plugins/mail/index.ts';
import { createMailModel, sweepMails } from '../../src/plugins/mail/model.ts';
import { eventually } from '../support/eventually.ts';
import { createRecordingLog } from '../support/log.ts';
import { ISSUER } from '../support/nodes.ts';
import { runCommand, SECRET_KEY } from '../support/server-process.ts';
import { type SmtpMode, startSmtpServer, type TestSmtpServer } from '../support/smtp-server.ts';
import { anotherNode, startTestApp, type TestApp } from '../support/test-app.ts';

const statement = (name: string, text: string) => ({ name: `test-mail-${name}`, text });
const DUE = statement('due', `UPDATE mails SET next_attempt_at = now() WHERE state = 'queued'`);
const AGE = statement('age', `UPDATE mails SET created_at = created_at - interval '2 days'`);
const LOCALS = statement('locals', 'SELECT state, locals FROM mails WHERE recipient = $1');
/** A mail that no node is told of. */
const UNTOLD = statement(
  'untold',
  `INSERT INTO mails (id, recipient, template, locals, state, next_attempt_at, created_at)
    VALUES ($1, $2, coalesce($3, 'email-changed'), '{"name":""}', 'queued', now(), now())`,
);
const FORGET = statement('forget', `DELETE FROM mails WHERE state IN ('queued', 'sending')`);
const ABANDON = statement(
  'abandon',
  `UPDATE mails SET state = 'sending', attempts = attempts + 1, leased_until = now() - interval '1 second',
    handed_over = $2 WHERE recipient = $1`,
);

describe('mail and its SMTP server', function () {
  this.timeout(60_000);
  let smtp: TestSmtpServer;
  let app: TestApp;
  let other: TestApp;
  const log = createRecordingLog();

  before(async () => {
    smtp = await startSmtpServer();
    app = await startTestApp({ origin: ISSUER, settings: { SMTP_URL: smtp.url, SECRET_KEY }, log });
    other = await anotherNode(app);
  });
  after(async () => {
    await other?.close();
    await app?.close();
    await smtp?.close();
  });
  beforeEach(() => {
    smtp.mode = 'accept';
  });

  const sql = (one: typeof DUE, values: unknown[] = []) =>
    app.database.database.query<{ state: string; locals: unknown }>(one, values);
  const send = async (to: string, from = app): Promise<void> => {
    const { db } = from.storage;
    const locals = { name: 'Ana', url: `${ISSUER}/l/CANARY-${to}`, hours: 1 };
    await db.transaction((transaction) =>
      from.app.use(Mails).enqueue({ to, template: 'reset-password', locals }, transaction),
    );
  };
  const newAddress = () => `person-${randomUUID()}@example.com`;
  const arrived = (to: string) =>
    smtp.mails.filter((one) => [one.to].flat().some((list) => list?.text === to)).length;
  const stateOf = async (to: string) => (await sql(LOCALS, [to]))[0]?.state;
  /** What is due is tried at once, as if time had passed. */
  const turn = async (): Promise<void> => {
    await sql(DUE);
    const wakeUp = newAddress();
    await send(wakeUp);
  };

  it('leaves with the transaction, or never', async () => {
    const to = newAddress();
    const failure = await app.storage.db
      .transaction(async (transaction) => {
        const mail = { to, template: 'email-changed', locals: { name: '' } };
        await app.app.use(Mails).enqueue(mail, transaction);
        throw new Error('rolled back');
      })
      .catch((error: Error) => error.message);
    expect(failure).to.equal('rolled back');
    const marker = newAddress();
    await send(marker);
    await eventually(() => expect(arrived(marker)).to.equal(1));
    expect(await stateOf(to)).to.equal(undefined);
  });

  it('100 mails of two nodes arrive once each, and their content is gone', async () => {
    const all = Array.from({ length: 100 }, newAddress);
    await Promise.all(all.map((to, index) => send(to, index % 2 ? app : other)));
    await eventually(async () => {
      for (const to of all) expect(await stateOf(to)).to.equal('sent');
    }, 20_000);
    for (const to of all) expect(arrived(to), to).to.equal(1);
    expect((await sql(LOCALS, [all[0]]))[0]?.locals).to.equal(null);
  });

  for (const mode of ['defer', 'full', 'down'] as const) {
    it(`a server that does "${mode}": waits, and arrives once when it is back`, async () => {
      const to = newAddress();
      if (mode === 'down') await smtp.close();
      else smtp.mode = mode;
      await send(to);
      await eventually(async () => {
        const [mail] = (await app.app.use(Mails).list({ limit: 1000 })).filter(
          (one) => one.to === to,
        );
        expect(mail?.state).to.equal('queued');
        expect(mail?.attempts).to.be.greaterThan(0);
        expect(mail?.lastError).to.be.a('string').and.not.include('CANARY');
      });
      if (mode === 'down') {
        const { port } = new URL(smtp.url);
        smtp = await startSmtpServer('accept', Number(port));
      }
      smtp.mode = 'accept';
      await turn();
      await eventually(async () => expect(await stateOf(to)).to.equal('sent'), 10_000);
      expect(arrived(to)).to.equal(1);
    });
  }

  it('a server that dies after acceptance: uncertain, reported, and sent again by hand only', async () => {
    const to = newAddress();
    smtp.mode = 'die';
    await send(to);
    await eventually(async () => expect(await stateOf(to)).to.equal('uncertain'));
    smtp.mode = 'accept';
    await turn();
    const mails = app.app.use(Mails);
    const [mail] = (await mails.list({ limit: 1000 })).filter((one) => one.to === to);
    expect(mail?.state).to.equal('uncertain');
    expect(arrived(to)).to.equal(1);
    const settings = { DATABASE_URL: app.database.url, PUBLIC_URL: ISSUER, SMTP_URL: smtp.url };
    expect(await runCommand(['mail', 'list'], settings)).to.match(
      new RegExp(`^${mail?.id}  uncertain  ${to}  reset-password  1×  .+$`, 'm'),
    );
    await runCommand(['mail', 'retry', mail?.id ?? ''], settings);
    await turn();
    await eventually(async () => expect(await stateOf(to)).to.equal('sent'));
    expect(arrived(to)).to.equal(2);
    const again = await mails.retry(mail?.id ?? '').catch((error: Error) => error);
    expect(again).to.have.nested.property('problem.type', 'urn:problem:mail:not-retryable');
  });

  it('a mail refused for good has failed at once, and so has one that waited a day', async () => {
    const [refused, old] = [newAddress(), newAddress()];
    smtp.mode = 'reject';
    await send(refused);
    await eventually(async () => expect(await stateOf(refused)).to.equal('failed'));
    smtp.mode = 'defer';
    await send(old);
    await eventually(async () => expect(await stateOf(old)).to.equal('queued'));
    await sql(AGE);
    await turn();
    await eventually(async () => expect(await stateOf(old)).to.equal('failed'));
    // Its link has expired with it: nothing of it is kept.
    await sweepMails(createMailModel(app.storage.db));
    expect((await sql(LOCALS, [old]))[0]?.locals).to.equal(null);
  });

  it('a process that ended: what it had not handed over is sent, what it may have is uncertain', async () => {
    const [before, after] = [newAddress(), newAddress()];
    smtp.mode = 'defer';
    await send(before);
    await send(after);
    await eventually(async () => {
      for (const to of [before, after]) expect(await stateOf(to)).to.equal('queued');
    });
    smtp.mode = 'accept';
    await sql(ABANDON, [before, false]);
    await sql(ABANDON, [after, true]);
    await turn();
    await eventually(async () => {
      // Taken back first, sent with the next turn.
      await sql(DUE);
      expect(await stateOf(after)).to.equal('uncertain');
      expect(await stateOf(before)).to.equal('sent');
    }, 15_000);
    expect([arrived(before), arrived(after)]).to.deep.equal([1, 0]);
  });

  it('a mail that this version cannot write waits, and has failed after a day', async () => {
    const to = newAddress();
    await sql(UNTOLD, [randomUUID(), to, 'of-a-newer-version']);
    await turn();
    await eventually(async () => {
      const mails = await app.app.use(Mails).list({ state: 'queued', limit: 1000 });
      expect(mails.find((one) => one.to === to)?.lastError).to.match(/^There is no mail/);
    }, 10_000);
    await sql(AGE);
    await turn();
    await eventually(async () => expect(await stateOf(to)).to.equal('failed'), 10_000);
  });

  for (const mode of ['silent', 'mute'] as SmtpMode[]) {
    it(`requests do not wait for a server that does "${mode}", nor does a node that stops`, async () => {
      smtp.mode = mode;
      const node = await anotherNode(app);
      const to = newAddress();
      const connections = smtp.connections();
      await send(to, node);
      await eventually(() => expect(smtp.connections()).to.be.greaterThan(connections));
      expect((await node.browser().request('/auth/me')).status).to.equal(401);
      const started = performance.now();
      await node.close();
      // The server's own timeouts are 5 s and 20 s.
      expect(performance.now() - started).to.be.lessThan(4_900);
    });
  }

  it('SEC-94: neither addresses nor links reach the log', () => {
    const lines = JSON.stringify(log.entries.filter(({ level }) => level !== 'debug'));
    expect(lines).to.include('mail.delayed');
    expect(lines).not.to.include('CANARY').and.not.include('@example.com');
  });

  it('is named by every node without SMTP_URL under https', async () => {
    const quiet = createRecordingLog();
    const node = await startTestApp({ origin: ISSUER, log: quiet });
    try {
      expect(node.app.use(Mails).enabled).to.equal(false);
      expect(quiet.entries.map(({ fields }) => fields)).to.deep.include({ event: 'mail.off' });
      expect((await node.browser().request('/mail')).status).to.equal(404);
    } finally {
      await node.close();
    }
  });

  it('a node stops while it works through a backlog that its poll found', async () => {
    const node = await anotherNode(app);
    smtp.mode = 'mute';
    const taken = smtp.mails.length;
    // Both nodes poll; more than both take at a time.
    for (let count = 0; count < 24; count += 1)
      await sql(UNTOLD, [randomUUID(), newAddress(), null]);
    await eventually(() => expect(smtp.mails.length - taken).to.be.greaterThan(8), 15_000);
    const started = performance.now();
    await node.close();
    expect(performance.now() - started).to.be.lessThan(4_900);
    await sql(FORGET);
  });
});

describe('mail kept on this machine', () => {
  let app: TestApp;
  const log = createRecordingLog();
  before(async () => {
    app = await startTestApp({ log, settings: { TRUST_PROXY: '127.0.0.1' } });
    await app.storage.db.transaction((transaction) =>
      app.app.use(Mails).enqueue(
        {
          to: 'ana@example.com',
          template: 'reset-password',
          locals: { name: 'Ana', url: `${app.issuer}/l/abc`, hours: 1 },
        },
        transaction,
      ),
    );
  });
  after(() => app.close());

  it('is read at /mail, and named in the log', async () => {
    const browser = app.browser();
    const list = await browser.request('/mail');
    expect(list.status).to.equal(200);
    const [, path = ''] = /href="([^"]*\/mail\/[0-9a-f-]{36})"/.exec(list.text) ?? [];
    const mail = await browser.request(new URL(path, app.issuer).href);
    expect(mail.status).to.equal(200);
    expect(mail.text).to.include(`href="${app.issuer}/l/abc"`);
    const entry = log.entries.find(
      ({ fields }) => (fields as { event?: string }).event === 'mail.captured',
    );
    expect(entry?.fields).to.include({ url: new URL(path, app.issuer).href });
    expect(JSON.stringify(entry?.fields)).not.to.include('ana@');
  });

  it('is there for this machine only, and under no other id', async () => {
    const browser = app.browser();
    const headers = { 'x-forwarded-for': '198.18.0.1' };
    const list = await browser.request('/mail');
    const [, path = ''] = /href="([^"]*\/mail\/[0-9a-f-]{36})"/.exec(list.text) ?? [];
    const url = new URL(path, app.issuer).href;
    expect((await browser.request('/mail', { headers })).status).to.equal(404);
    expect((await browser.request(url, { headers })).status).to.equal(404);
    for (const id of [randomUUID(), 'x', '%00', '..%2f']) {
      expect((await browser.request(`/mail/${id}`)).status, id).to.be.within(400, 404);
    }
  });

  it('has settings that are checked', () => {
    for (const SMTP_URL of ['http://x', 'smtp://', 'x']) {
      expect(mailPlugin.settings.safeParse({ SMTP_URL }).success, SMTP_URL).to.equal(false);
    }
    for (const MAIL_FROM of ['x', 'a@b, c@d', 'A <a@b>\nBcc: x@y', '<a@b', 'a@b c']) {
      expect(mailPlugin.settings.safeParse({ MAIL_FROM }).success, MAIL_FROM).to.equal(false);
    }
    expect(mailPlugin.settings.safeParse({ MAIL_FROM: 'Ex <a@b.c>' }).success).to.equal(true);
  });
});
