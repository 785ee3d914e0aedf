import { expect } from 'chai';
import { mail } from '../../../src/plugins/mail/index.ts';
import { settings } from '../../../src/plugins/mail/settings.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { startSmtpServer, type TestSmtpServer } from '../../support/smtp-server.ts';
import { createPluginContext } from '../plugin-context.ts';

describe('diagnosis of mail', () => {
  let test: TestDatabase;
  let smtp: TestSmtpServer;
  before(async () => {
    test = await createTestDatabase();
    smtp = await startSmtpServer();
  });
  after(async () => {
    await smtp.close();
    await test.drop();
  });

  const diagnose = async (
    name: string,
    set: Record<string, string>,
    publicUrl = 'https://auth.example.com',
  ) => {
    const { context } = createPluginContext({ db: test.database, publicUrl });
    const { diagnoses } = mail.setup({ ...context, settings: settings.parse(set) });
    const findings = await diagnoses?.find((one) => one.name === name)?.check();
    return findings?.map(({ severity, problem }) => `${severity}: ${problem}`);
  };

  it('finds nothing wrong with a server that lets us in, and sends it nothing', async () => {
    const before = smtp.connections();
    expect(await diagnose('smtp', { SMTP_URL: smtp.url })).to.deep.equal([]);
    expect(smtp.connections()).to.equal(before + 1);
    expect(smtp.mails).to.deep.equal([]);
    expect(await diagnose('outbox', { SMTP_URL: smtp.url })).to.deep.equal([]);
  });

  it('finds a wrong password, and does not repeat it', async () => {
    const url = smtp.url.replace(/:[^:@]*@/, ':not-the-password@');
    const [finding] = (await diagnose('smtp', { SMTP_URL: url })) ?? [];
    expect(finding).to.match(/^broken: The SMTP server: .*wrong password/);
    expect(finding).not.to.contain('not-the-password');
  });

  it('finds a server that is not there', async () => {
    expect(await diagnose('smtp', { SMTP_URL: 'smtp://127.0.0.1:1' })).to.deep.equal([
      'broken: The SMTP server: connect ECONNREFUSED 127.0.0.1:1.',
    ]);
  });

  it('finds that no mail is sent, unless it is kept to be read on this machine', async () => {
    expect((await diagnose('smtp', {}))?.[0]).to.match(/^warning: No mail is sent/);
    expect(await diagnose('smtp', {}, 'http://localhost:3000')).to.deep.equal([]);
  });

  it('finds a sender that nobody believes', async () => {
    const sender = { SMTP_URL: smtp.url, MAIL_FROM: 'Auth <auth@intranet>' };
    expect(await diagnose('smtp', sender)).to.deep.equal([
      'warning: Mails come from Auth <auth@intranet>, which no other server takes for an address.',
    ]);
    expect(await diagnose('smtp', { SMTP_URL: smtp.url }, 'http://127.0.0.1')).to.have.length(1);
  });

  it('finds mails that wait or failed', async () => {
    const mails = [
      ['queued', '59 minutes'],
      ['queued', '2 hours'],
      ['failed', '3 hours'],
      ['uncertain', '4 hours'],
      ['failed', '25 hours'],
      ['sent', '3 hours'],
    ];
    for (const [state, age] of mails) {
      await test.database.orm.query(`INSERT INTO mails (id, recipient, template, locals, state, created_at, next_attempt_at)
        VALUES (gen_random_uuid(), 'ann@example.com', 'verify-email', '{}', '${state}', now() - interval '${age}', now())`);
    }
    expect(await diagnose('outbox', { SMTP_URL: smtp.url })).to.deep.equal([
      'warning: 1 mails have waited for over an hour.',
      'warning: 2 mails of the last day failed or are uncertain.',
    ]);
  });
});
