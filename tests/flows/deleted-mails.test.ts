/** A deletion takes every mail along, whichever address it is to, and none leaves afterwards (B-15). */
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { Mails } from '../../src/plugins/mail/contract.ts';
import { type User, Users } from '../../src/plugins/users/contract.ts';
import type { Browser } from '../support/browser.ts';
import { eventually } from '../support/eventually.ts';
import { query } from '../support/known-user.ts';
import { mailTo } from '../support/mailbox.ts';
import { createUser, createUserNamed, PASSWORD, signedInBrowser } from '../support/people.ts';
import { startSmtpServer, type TestSmtpServer } from '../support/smtp-server.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

describe('mails of a user who is deleted', function () {
  this.timeout(30_000);
  let smtp: TestSmtpServer;
  let app: TestApp;
  before(async () => {
    smtp = await startSmtpServer('defer');
    app = await startTestApp({ settings: { SMTP_URL: smtp.url } });
  });
  after(async () => {
    await app?.close();
    await smtp?.close();
  });
  beforeEach(() => {
    smtp.mode = 'defer';
  });

  const newAddress = (tag = randomUUID().slice(0, 8)) => `${tag}@example.com`;
  const changeTo = async (browser: Browser, email: string): Promise<void> => {
    const json = { email, current_password: PASSWORD };
    const answer = await browser.request('/auth/email', { method: 'PUT', json });
    expect(answer.status, answer.text).to.equal(202);
  };
  const follow = async (browser: Browser, address: string, template: string): Promise<void> => {
    const { link = '' } = await mailTo(app, address, template);
    const json = { token: link.split('/').at(-1), password: PASSWORD };
    const answer = await browser.request('/auth/email/confirm', { json });
    expect(answer.status, answer.text).to.equal(200);
  };
  const recipients = async (tag: string): Promise<string[]> => {
    const rows = await query<{ recipient: string }>(
      app,
      'SELECT DISTINCT recipient FROM mails WHERE strpos(recipient, $1) > 0 ORDER BY 1',
      [tag],
    );
    return rows.map(({ recipient }) => recipient);
  };
  const tablesWith = async (text: string): Promise<string[]> => {
    const found: string[] = [];
    for (const name of ['users', 'mails', 'email_links', 'known_browsers', 'login_history']) {
      const rows = await query(app, `SELECT FROM ${name} AS t WHERE strpos(t::text, $1) > 0`, [
        text,
      ]);
      if (rows.length > 0) found.push(name);
    }
    return found;
  };
  const enqueueFor = (user: User, to = user.email) =>
    app.storage.db.transaction((transaction) =>
      app.app
        .use(Mails)
        .enqueue(
          { to, userId: user.id, template: 'email-changed', locals: { name: '' } },
          transaction,
        ),
    );
  /** Everything that waits is tried now, and what leaves has left. */
  const sendAll = async (): Promise<void> => {
    const marker = await createUser(app);
    await query(app, `UPDATE mails SET next_attempt_at = now() WHERE state = 'queued'`);
    await enqueueFor(marker);
    await eventually(() => expect(smtp.heard()).to.include(`RCPT TO:<${marker.email}>`), 10_000);
    await eventually(async () => {
      const rows = await query(app, `SELECT FROM mails WHERE state IN ('queued', 'sending')`);
      expect(rows).to.deep.equal([]);
    }, 10_000);
  };
  const arrived = (tag: string) =>
    smtp.mails.filter((one) => JSON.stringify(one.to).includes(tag)).length;

  /** Had A, has B, asked for C. */
  const moveTwice = async (tag: string) => {
    const [a, b, c] = [`${tag}.a@example.com`, `${tag}.b@example.com`, `${tag}.c@münchen.example`];
    const browser = app.browser();
    const json = { email: a, password: PASSWORD };
    expect((await browser.request('/auth/register', { json })).status).to.equal(201);
    await browser.request('/auth/login', { json });
    await follow(browser, a, 'verify-email');
    await changeTo(browser, b);
    await follow(browser, b, 'change-email');
    await changeTo(browser, c);
    return { browser, addresses: [a, b, c] };
  };

  it('B-15 all are told by the export, gone with the deletion, and none leaves after it', async () => {
    const tag = `t${randomUUID().slice(0, 8)}`;
    const { browser, addresses } = await moveTwice(tag);
    expect(await recipients(tag)).to.deep.equal(addresses);
    const { data } = (await browser.request('/auth/me/export')).json<{
      data: { mails: { recipient: string }[] };
    }>();
    const told = new Set(data.mails.map(({ recipient }) => recipient));
    expect([...told].toSorted()).to.deep.equal(addresses);
    expect((await browser.request('/auth/me', { method: 'DELETE' })).status).to.equal(204);
    expect(await tablesWith(tag)).to.deep.equal([]);
    smtp.mode = 'accept';
    await sendAll();
    expect(arrived(tag)).to.equal(0);
  });

  it('B-15 the former address of one is not the other’s who has it now', async () => {
    const tag = `t${randomUUID().slice(0, 8)}`;
    const { browser, addresses } = await moveTwice(tag);
    const next = await createUserNamed(app, addresses[0] ?? '');
    await enqueueFor(next);
    expect((await browser.request('/auth/me', { method: 'DELETE' })).status).to.equal(204);
    expect(await recipients(tag)).to.deep.equal([addresses[0]]);
    const left = await signedInBrowser(app, next);
    expect((await left.request('/auth/me', { method: 'DELETE' })).status).to.equal(204);
    expect(await recipients(tag)).to.deep.equal([]);
  });

  // Only accounts of before 2.2 share an address: `ß` and `ss` may be two mailboxes.
  it('B-15 B-09 the mails of another account with the same address, in its own spelling, are not theirs', async () => {
    const tag = `t${randomUUID().slice(0, 8)}`;
    const [first, second] = await Promise.all([createUser(app), createUser(app)]);
    const rename = (id: string, email: string) =>
      app.storage.db.transaction(async (transaction) => {
        const run = (text: string, values: unknown[] = []) =>
          app.storage.db.query(
            { name: `test-pair-${text.slice(0, 3)}`, text },
            values,
            transaction,
          );
        await run('SET LOCAL session_replication_role = replica');
        await run('UPDATE users SET email = $2, email_canonical = $2 WHERE id = $1', [id, email]);
      });
    const pair = [
      { ...first, email: `${tag}ß@example.com` },
      { ...second, email: `${tag}ss@example.com` },
    ];
    const browser = await signedInBrowser(app, first);
    for (const { id, email } of pair) await rename(id, email);
    for (const user of pair) await enqueueFor(user);
    const [one, other] = pair;
    if (!one || !other) throw new Error('no pair');
    const { data } = (await browser.request('/auth/me/export')).json<{
      data: { mails: { recipient: string }[] };
    }>();
    const told = new Set(data.mails.map(({ recipient }) => recipient));
    expect(told).to.include(one.email).and.not.to.include(other.email);
    await app.app.use(Users).delete(one.id);
    expect(await recipients(tag)).to.deep.equal([other.email]);
    await app.app.use(Users).delete(other.id);
    expect(await recipients(tag)).to.deep.equal([]);
  });

  it('B-15 mails of a version before, to the present address in any spelling, go as well', async () => {
    const tag = `t${randomUUID().slice(0, 8)}`;
    const user = await createUserNamed(app, `${tag.toUpperCase()}@MÜNCHEN.example`);
    for (const to of [user.email, user.email.toLowerCase()]) {
      await query(
        app,
        `INSERT INTO mails (id, recipient, template, locals, state, next_attempt_at, created_at)
          VALUES (gen_random_uuid(), $1, 'email-changed', '{"name":""}', 'failed', now(), now())`,
        [to],
      );
    }
    await app.app.use(Users).delete(user.id);
    expect(await tablesWith(tag)).to.deep.equal([]);
    expect(await tablesWith(tag.toUpperCase())).to.deep.equal([]);
  });

  it('B-15 one that a node holds while the deletion commits does not leave', async () => {
    const user = await createUser(app);
    smtp.mode = 'silent';
    const connections = smtp.connections();
    const to = newAddress();
    await enqueueFor(user, to);
    // The worker may have another mail in hand when this one comes.
    await eventually(async () => {
      const [held] = await query<{ state: string }>(
        app,
        'SELECT state FROM mails WHERE recipient = $1',
        [to],
      );
      expect(held?.state).to.equal('sending');
      expect(smtp.connections()).to.be.greaterThan(connections);
    });
    await app.app.use(Users).delete(user.id);
    smtp.release();
    // It got as far as the recipient, and not one octet of the mail was said.
    await eventually(() => expect(smtp.heard()).to.include(`RCPT TO:<${to}>`));
    await sendAll();
    expect(smtp.mails.filter((one) => JSON.stringify(one.to).includes(to))).to.deep.equal([]);
    expect(smtp.heard()).not.to.include(`To: ${to}`);
  });

  it('B-15 one that is written down while the deletion runs goes with it, and later there is none', async () => {
    const user = await createUser(app);
    const written = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const writing = app.storage.db.transaction(async (transaction) => {
      const mail = {
        to: newAddress(),
        userId: user.id,
        template: 'email-changed',
        locals: { name: '' },
      };
      await app.app.use(Mails).enqueue(mail, transaction);
      written.resolve();
      await goOn.promise;
    });
    await written.promise;
    const deleting = app.app.use(Users).delete(user.id);
    await eventually(async () => {
      const waiting = await query(
        app,
        `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`,
      );
      expect(waiting).not.to.deep.equal([]);
    });
    goOn.resolve();
    await Promise.all([writing, deleting]);
    await enqueueFor(user);
    expect(await query(app, 'SELECT FROM mails WHERE user_id = $1', [user.id])).to.deep.equal([]);
    expect(await recipients(user.email)).to.deep.equal([]);
  });
});
