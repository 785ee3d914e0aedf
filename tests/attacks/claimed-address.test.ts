/** Who registers an address first knows a password, and has proven nothing; who follows the mailed link has. */
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { Users } from '../../src/plugins/users/contract.ts';
import { type Answer, forms } from '../support/browser.ts';
import { anyAddress, requestFrom, startLimitedApp } from '../support/limited-app.ts';
import { codeMailedTo, templatesTo } from '../support/mailed-links.ts';
import { PASSWORD, signedInBrowser } from '../support/people.ts';
import { codeOf, createRelyingParty } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

const ATTACKERS = 'attacker chose this 1';
const OWNERS = 'the owner chose this 2';
const newAddress = (): string => `owner-${randomUUID()}@example.com`;
const typeOf = (answer: Answer): unknown => answer.json()['type'];

const post = (app: TestApp, path: string, json: object, browser = app.browser()) =>
  browser.request(path, { json });
const login = async (app: TestApp, email: string, password: string) =>
  (await post(app, '/auth/login', { email, password })).status;

describe('D7 REGISTRATION=strict: the password is that of who follows the link', () => {
  let app: TestApp;
  before(async () => {
    app = await startTestApp({ settings: { REGISTRATION: 'strict' } });
  });
  after(() => app.close());

  it('D7 SEC-73 the newer mail of an attacker gives the owner an account, and the attacker nothing', async () => {
    const email = newAddress();
    await post(app, '/auth/register', { email, password: OWNERS });
    await post(app, '/auth/register', { email, password: ATTACKERS, name: 'Mallory' });
    const token = await codeMailedTo(app, email);
    const bare = await post(app, '/auth/email/confirm', { token });
    expect([bare.status, typeOf(bare)]).to.deep.equal([
      400,
      'urn:problem:email-links:password-required',
    ]);
    expect(await app.app.use(Users).findByEmail(email)).to.equal(undefined);
    const weak = await post(app, '/auth/email/confirm', { token, password: 'short' });
    expect([weak.status, weak.text.includes('#/password')]).to.deep.equal([400, true]);
    const proof = { token, password: OWNERS, name: 'Olga' };
    const done = await post(app, '/auth/email/confirm', proof);
    expect([done.status, done.json()]).to.deep.equal([200, { status: 'registered' }]);
    expect(await login(app, email, ATTACKERS)).to.equal(401);
    expect(await login(app, email, OWNERS)).to.equal(200);
    const user = await app.app.use(Users).findByEmail(email);
    expect(user).to.include({ emailVerified: true, name: 'Olga' });
  });

  it('D7 asks for no password beforehand, and looks at none', async () => {
    for (const more of [{}, { password: 'short' }, { password: OWNERS, name: 'Olga' }]) {
      const answer = await post(app, '/auth/register', { email: newAddress(), ...more });
      expect([answer.status, answer.text]).to.deep.equal([202, '{"status":"check-mail"}']);
    }
  });

  it('D7 a link of the version before, which holds a password, asks for one all the same', async () => {
    const email = newAddress();
    await post(app, '/auth/register', { email, password: ATTACKERS });
    const token = await codeMailedTo(app, email);
    const { passwordHash } = await app.app.use(Users).prepare({ email, password: ATTACKERS });
    await app.database.database.query(
      {
        name: 'test-payload-of-before',
        text: `UPDATE email_links SET payload = jsonb_build_object('email', $1::text,
          'emailCanonical', $1::text, 'passwordHash', $2::text, 'name', NULL, 'locale', NULL)
          WHERE new_email_canonical = $1`,
      },
      [email, passwordHash],
    );
    expect((await post(app, '/auth/email/confirm', { token })).status).to.equal(400);
    const done = await post(app, '/auth/email/confirm', { token, password: OWNERS });
    expect(done.status).to.equal(200);
    expect(await login(app, email, ATTACKERS)).to.equal(401);
    expect(await login(app, email, OWNERS)).to.equal(200);
  });

  it('D7 the pages: the address first, and the password behind the link', async () => {
    const rp = await createRelyingParty(app);
    const browser = app.browser();
    const form = await browser.open(`${(await rp.authorize(browser)).url}/register`);
    expect(form.text).to.not.contain('name="password"').and.not.contain('name="name"');
    const email = newAddress();
    expect((await browser.submit(form, { email })).text).to.contain('Check your mail');
    const link = `/l/${await codeMailedTo(app, email)}`;
    const page = await browser.open(link);
    expect(page.text).to.contain('name="password"').and.contain('name="name"');
    const weak = await browser.submit(page, { password: 'password1234', name: 'Olga' });
    expect(weak.status).to.equal(400);
    const done = await browser.submit(weak, { password: OWNERS });
    expect(done.text).to.contain('Your account is ready');
    expect(await app.app.use(Users).findByEmail(email)).to.include({ name: 'Olga' });
    expect(await login(app, email, OWNERS)).to.equal(200);
  });
});

describe('D7 REGISTRATION=open: the password of whoever registered dies when another verifies the address', () => {
  let app: TestApp;
  before(async () => {
    app = await startTestApp();
  });
  after(() => app.close());

  /** The attacker registers the owner's address and is signed in; the owner has the mail. */
  const registered = async () => {
    const email = newAddress();
    const answer = await post(app, '/auth/register', { email, password: ATTACKERS });
    expect(answer.status).to.equal(201);
    const attacker = app.browser();
    await post(app, '/auth/login', { email, password: ATTACKERS }, attacker);
    const user = (await app.app.use(Users).findByEmail(email)) ?? expect.fail();
    return { email, attacker, user, token: await codeMailedTo(app, email) };
  };
  const isVerified = async (id: string) => (await app.app.use(Users).find(id))?.emailVerified;

  it('D7 SEC-73 with nothing but the link nobody verifies it, and a wrong password is told', async () => {
    const { token, user } = await registered();
    const bare = await post(app, '/auth/email/confirm', { token });
    expect([bare.status, typeOf(bare)]).to.deep.equal([
      400,
      'urn:problem:email-links:password-required',
    ]);
    expect(bare.text).to.contain('#/password').and.contain('#/new_password');
    const wrong = await post(app, '/auth/email/confirm', { token, password: OWNERS });
    expect([wrong.status, typeOf(wrong)]).to.deep.equal([
      403,
      'urn:problem:email-links:password-wrong',
    ]);
    const somebody = await signedInBrowser(app, (await registered()).user, ATTACKERS);
    const other = await post(app, '/auth/email/confirm', { token }, somebody);
    expect(other.status).to.equal(400);
    expect(await isVerified(user.id)).to.equal(false);
  });

  it('D7 SEC-73 a new password replaces that of who registered, and ends all that they had', async () => {
    const { email, attacker, user, token } = await registered();
    const rp = await createRelyingParty(app);
    const scope = 'openid offline_access';
    const tokens = await rp.redeem(codeOf(await rp.authorize(attacker, { scope })));
    const mine = `second-${randomUUID()}@evil.example`;
    const change = { email: mine, current_password: ATTACKERS };
    await attacker.request('/auth/email', { method: 'PUT', json: change });
    const toTheirs = await codeMailedTo(app, mine);
    const mails = await templatesTo(app, email);

    const claim = { token, new_password: OWNERS };
    const weak = await post(app, '/auth/email/confirm', { token, new_password: 'short' });
    expect([weak.status, weak.text.includes('#/new_password')]).to.deep.equal([400, true]);
    const done = await post(app, '/auth/email/confirm', claim);
    expect([done.status, done.json()]).to.deep.equal([200, { status: 'verified' }]);
    expect(await isVerified(user.id)).to.equal(true);
    for (const [path, method] of [
      ['/auth/me', 'GET'],
      ['/auth/refresh', 'POST'],
    ] as const) {
      expect((await attacker.request(path, { method })).status, path).to.equal(401);
    }
    expect((await rp.refresh(tokens.body.refresh_token ?? '')).body.error).to.equal(
      'invalid_grant',
    );
    expect((await post(app, '/auth/email/confirm', { token: toTheirs })).status).to.equal(410);
    expect(await login(app, email, ATTACKERS)).to.equal(401);
    expect(await login(app, email, OWNERS)).to.equal(200);
    expect((await post(app, '/auth/email/confirm', claim)).status).to.equal(410);
    const asked = await rp.authorize(attacker, { prompt: 'none' });
    expect(asked.location?.searchParams.get('error')).to.equal('login_required');
    expect(await templatesTo(app, email)).to.deep.equal(mails);
  });

  it('D7 an address that is verified already: an older link sets no password any more', async () => {
    const { email, user, token } = await registered();
    const browser = await signedInBrowser(app, user, ATTACKERS);
    await browser.request('/auth/email/verify', { method: 'POST' });
    const newer = await codeMailedTo(app, email);
    const known = await post(app, '/auth/email/confirm', { token: newer, password: ATTACKERS });
    expect(known.json()).to.deep.equal({ status: 'verified' });
    const late = await post(app, '/auth/email/confirm', { token, new_password: OWNERS });
    expect(late.json()).to.deep.equal({ status: 'verified' });
    expect(await login(app, email, ATTACKERS)).to.equal(200);
    expect(await login(app, email, OWNERS)).to.equal(401);
  });

  it('D7 the page: a button for who is signed in as that user, else a password', async () => {
    const { email, user, token, attacker } = await registered();
    const owner = app.browser();
    const page = await owner.open(`/l/${token}`);
    expect(
      forms(page).map(({ fields }) => Object.keys(fields).filter((key) => !key.startsWith('_'))),
    ).to.deep.equal([
      ['email', 'password'],
      ['email', 'new_password'],
    ]);
    const wrong = await owner.submit(page, { password: OWNERS });
    expect([wrong.status, wrong.text.includes('The password is wrong')]).to.deep.equal([403, true]);
    const isNew = ({ fields }: { fields: object }) => 'new_password' in fields;
    const weak = await owner.submit(wrong, { new_password: 'password1234' }, isNew);
    expect(weak.status).to.equal(400);
    const done = await owner.submit(weak, { new_password: OWNERS }, isNew);
    expect(done.text).to.contain('The account is yours');
    expect(await login(app, email, OWNERS)).to.equal(200);
    expect((await attacker.request('/auth/me')).status).to.equal(401);
    expect(await isVerified(user.id)).to.equal(true);

    const second = await registered();
    const own = await second.attacker.open(`/l/${second.token}`);
    expect(own.text).to.not.contain('name="password"');
    const verified = await second.attacker.submit(own);
    expect(verified.text).to.contain('Your address is verified');
    expect(await login(app, second.email, ATTACKERS)).to.equal(200);
  });

  it('D7 opening the link changes nothing, for whoever is signed in', async () => {
    const { attacker, user, token } = await registered();
    for (const browser of [app.browser(), attacker]) {
      for (const method of ['GET', 'HEAD']) await browser.request(`/l/${token}`, { method });
    }
    expect(await isVerified(user.id)).to.equal(false);
  });

  it('D7 SEC-17 guesses at the password spend those of the account', async () => {
    const limited = await startLimitedApp();
    try {
      const email = newAddress();
      await post(limited, '/auth/register', { email, password: PASSWORD });
      const token = await codeMailedTo(limited, email);
      const guess = (password: string) =>
        requestFrom(limited, anyAddress(), '/auth/email/confirm', { json: { token, password } });
      const statuses: number[] = [];
      for (let count = 0; count < 12; count += 1) statuses.push((await guess(OWNERS)).status);
      expect(statuses.at(0)).to.equal(403);
      expect(statuses.at(-1)).to.equal(429);
      expect((await guess(PASSWORD)).status).to.equal(429);
      const claim = { token, new_password: OWNERS };
      const owner = await requestFrom(limited, anyAddress(), '/auth/email/confirm', {
        json: claim,
      });
      expect(owner.status).to.equal(200);
    } finally {
      await limited.close();
    }
  });
});
