/** Mails link to PUBLIC_URL alone. */
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { Browser } from '../support/browser.ts';
import { mailsTo } from '../support/mailbox.ts';
import { codeMailedTo, OUTBOX_ONLY } from '../support/mailed-links.ts';
import { createUser, login, PASSWORD, signedInBrowser } from '../support/people.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { rawRequest } from './raw-request.ts';

const NEW_PASSWORD = 'nine loud ravens dive';
const newEmail = (): string => `new-${randomUUID()}@example.org`;

describe('SEC-93 ZITADEL GHSA-2wmj-46rj-qm2w every mail links to PUBLIC_URL, whatever the request says', () => {
  let app: TestApp;
  before(async () => {
    app = await startTestApp({
      origin: 'https://auth.example.com',
      settings: { ...OUTBOX_ONLY, REGISTRATION: 'strict', TRUST_PROXY: '127.0.0.1' },
    });
  });
  after(() => app.close());

  const EVIL = [
    'Host: evil.example.net',
    'X-Forwarded-Host: evil.example.net',
    'X-Forwarded-Proto: http',
    'Forwarded: host=evil.example.net;proto=http',
    'X-Original-URL: //evil.example.net/',
    'X-Forwarded-Prefix: //evil.example.net',
    'X-Host: evil.example.net',
  ];

  async function send(method: string, path: string, json: object, extra: readonly string[] = []) {
    const body = JSON.stringify(json);
    const base = new URL(app.issuer).pathname.replace(/\/$/, '');
    const head = [
      `${method} ${base}${path} HTTP/1.1`,
      ...EVIL,
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      ...extra,
    ];
    return rawRequest(app, head, body);
  }

  const cookieOf = async (browser: Browser) =>
    `Cookie: ${await browser.jar.getCookieString(`${app.issuer}/auth/me`)}`;

  const expectOurs = async (address: string) => {
    const letters = await mailsTo(app, address);
    expect(letters).to.not.have.lengthOf(0);
    for (const letter of letters) {
      expect(letter.subject + letter.text).to.not.contain('evil');
      const { link = `${app.issuer}/` } = letter;
      expect(link.startsWith(`${app.issuer}/`), link).to.equal(true);
    }
  };

  it('password forgot', async () => {
    const { email } = await createUser(app);
    const answer = await send('POST', '/auth/password/forgot', { email });
    expect(answer.status).to.equal(202);
    expect(answer.text).to.not.contain('evil');
    await expectOurs(email);
  });

  it('registration, of a new and of a taken address', async () => {
    const { email } = await createUser(app);
    for (const address of [email, newEmail()]) {
      const registration = { email: address, password: PASSWORD };
      expect((await send('POST', '/auth/register', registration)).status).to.equal(202);
      await expectOurs(address);
    }
  });

  it('verification and change of the address, and the notices after both', async () => {
    const user = await createUser(app);
    const browser = await signedInBrowser(app, user);
    const cookie = await cookieOf(browser);
    // Of `Origin` and `Sec-Fetch-Site` a browser would send the real ones.
    const site = 'Sec-Fetch-Site: same-origin';
    expect((await send('POST', '/auth/email/verify', {}, [cookie, site])).status).to.equal(202);
    await expectOurs(user.email);
    const email = newEmail();
    const change = { email, current_password: PASSWORD };
    expect((await send('PUT', '/auth/email', change, [cookie, site])).status).to.equal(202);
    await expectOurs(email);
    const token = await codeMailedTo(app, email);
    expect(
      (await send('POST', '/auth/email/confirm', { token, password: PASSWORD })).status,
    ).to.equal(200);
    await expectOurs(user.email);
    expect((await login(app.browser(), { ...user, email })).status).to.equal(200);
  });

  it('change and reset of the password', async () => {
    const user = await createUser(app);
    const cookie = await cookieOf(await signedInBrowser(app, user));
    const change = { current_password: PASSWORD, new_password: NEW_PASSWORD };
    const changed = await send('PUT', '/auth/password', change, [
      cookie,
      'Sec-Fetch-Site: same-origin',
    ]);
    expect(changed.status).to.equal(204);
    await expectOurs(user.email);
  });
});
