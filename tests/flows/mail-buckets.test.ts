import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { Browser } from '../support/browser.ts';
import { anyAddress, startLimitedApp } from '../support/limited-app.ts';
import { templatesTo } from '../support/mailed-links.ts';
import { createUser, PASSWORD } from '../support/people.ts';
import type { TestApp } from '../support/test-app.ts';

/** RATE_LIMIT_RECIPIENT holds so many, of each kind of mail. */
const RECIPIENT = 5;

const newAddress = (): string => `victim-${randomUUID()}@example.com`;
/** Each request from elsewhere: only what is counted by recipient and account counts. */
const call = (browser: Browser, method: string, path: string, json: object = {}) =>
  browser.request(path, { method, json, headers: { 'x-forwarded-for': anyAddress() } });

const countIn = (templates: readonly string[], name: string): number =>
  templates.filter((template) => template === name).length;

describe('mails that somebody else may cause', () => {
  let app: TestApp;
  let strict: TestApp;
  before(async () => {
    [app, strict] = await Promise.all([
      startLimitedApp(),
      startLimitedApp({ settings: { REGISTRATION: 'strict' } }),
    ]);
  });
  after(() => Promise.all([app.close(), strict.close()]));

  const signedIn = async (email: string, password = PASSWORD): Promise<Browser> => {
    const browser = app.browser();
    expect((await call(browser, 'POST', '/auth/login', { email, password })).status).to.equal(200);
    return browser;
  };

  it('D6 an account that asks for the address of another silences no reset mail of theirs', async () => {
    const victim = await createUser(app);
    const attacker = await signedIn((await createUser(app)).email);
    const ask = { email: victim.email, current_password: PASSWORD };
    for (let count = 0; count <= RECIPIENT; count += 1) {
      const answer = await call(attacker, 'PUT', '/auth/email', ask);
      expect([answer.status, answer.text]).to.deep.equal([202, '{"status":"check-mail"}']);
    }
    expect(await templatesTo(app, victim.email)).to.deep.equal([]);
    const forgot = { email: victim.email };
    expect((await call(app.browser(), 'POST', '/auth/password/forgot', forgot)).status).to.equal(
      202,
    );
    expect(await templatesTo(app, victim.email)).to.deep.equal(['reset-password']);
  });

  it('D6 nor does who registers a taken address under REGISTRATION=strict', async () => {
    const victim = await createUser(strict);
    const registration = { email: victim.email, password: PASSWORD };
    for (let count = 0; count <= RECIPIENT; count += 1) {
      const answer = await call(strict.browser(), 'POST', '/auth/register', registration);
      expect(answer.status).to.equal(202);
    }
    const forgot = { email: victim.email };
    await call(strict.browser(), 'POST', '/auth/password/forgot', forgot);
    const sent = await templatesTo(strict, victim.email);
    expect(countIn(sent, 'already-registered')).to.be.within(RECIPIENT, RECIPIENT + 1);
    expect(sent.at(-1)).to.equal('reset-password');
  });

  it('D15 SEC-18 the mail of an open registration counts; registering goes on, and a mail can be asked for', async () => {
    const email = newAddress();
    let last = app.browser();
    // With an account its mails go from the outbox; over SMTP they would have left.
    let sent = 0;
    for (let count = 0; count <= RECIPIENT + 2; count += 1) {
      const json = { email, password: PASSWORD };
      expect((await call(app.browser(), 'POST', '/auth/register', json)).status).to.equal(201);
      sent += countIn(await templatesTo(app, email), 'verify-email');
      last = await signedIn(email);
      if (count < RECIPIENT + 2) await call(last, 'DELETE', '/auth/me');
    }
    expect(sent).to.be.within(RECIPIENT, RECIPIENT + 1);
    expect(await templatesTo(app, email)).to.deep.equal([]);
    expect((await call(last, 'POST', '/auth/email/verify')).status).to.equal(202);
    expect(await templatesTo(app, email)).to.deep.equal(['verify-email']);
  });

  it('D15 so do notices to an address that nobody has verified, which may be another person’s', async () => {
    const email = newAddress();
    await call(app.browser(), 'POST', '/auth/register', { email, password: PASSWORD });
    const browser = await signedIn(email);
    for (let count = 0; count <= RECIPIENT + 1; count += 1) {
      const other = `elsewhere-${randomUUID()}@example.org`;
      const ask = { email: other, current_password: PASSWORD };
      expect((await call(browser, 'PUT', '/auth/email', ask)).status).to.equal(202);
    }
    const change = { current_password: PASSWORD, new_password: 'nine loud ravens dive' };
    expect((await call(browser, 'PUT', '/auth/password', change)).status).to.equal(204);
    const sent = await templatesTo(app, email);
    const notices = sent.filter((template) => template !== 'verify-email');
    expect(notices.length).to.be.within(RECIPIENT, RECIPIENT + 1);
  });

  it('D10 SEC-13 a new address is mailed as it is verified, not as it was typed', async () => {
    const user = await createUser(app);
    const browser = await signedIn(user.email);
    const id = randomUUID();
    const typed = ` \uFB01ona-${id}@example.org`;
    const ask = { email: typed, current_password: PASSWORD };
    expect((await call(browser, 'PUT', '/auth/email', ask)).status).to.equal(202);
    expect(await templatesTo(app, typed.trim())).to.deep.equal([]);
    expect(await templatesTo(app, `fiona-${id}@example.org`)).to.deep.equal(['change-email']);
  });
});
